"""Where the trend of nights breaks, by hand."""

from datetime import UTC, datetime

import pytest

from components import storage
from components.monitoring.exporter import night_families
from components.night_trends import find_trend_breaks, list_broken_trends, trend_limit
from components.release_store import NIGHTS, newest_nights


def night(ndcg, seconds=10.0):
    return {"time": "2026-01-05", "metrics": {"ndcg_at_10": ndcg, "macro_f1": 0.5}, "used": {"seconds": seconds}}


def test_limit_is_mean_less_moving_ranges():
    # mean 0.5, steps 0.2 and 0.2
    assert trend_limit([0.4, 0.6, 0.4, 0.6], is_lower=True) == pytest.approx(0.5 - 2.66 * 0.2)


def test_a_fall_beyond_the_limit_breaks_the_trend():
    nights = [night(value) for value in (0.80, 0.81, 0.80, 0.81, 0.80, 0.70)]
    (trend_break,) = find_trend_breaks(nights)
    assert (trend_break.name, trend_break.value) == ("ndcg_at_10", 0.70)


def test_a_rise_of_quality_is_no_break():
    assert not find_trend_breaks([night(value) for value in (0.80, 0.81, 0.80, 0.81, 0.80, 0.95)])


def test_a_slow_night_breaks_the_trend():
    nights = [night(0.8, seconds) for seconds in (10, 11, 10, 11, 10, 40)]
    assert [trend_break.name for trend_break in find_trend_breaks(nights)] == ["seconds"]


@pytest.mark.slow
def test_nights_of_earlier_builds_have_no_figure(s3):
    storage.put_json(f"{NIGHTS}/20251201T030000Z.json", {"time": "2025-12-01T03:00:00+00:00", "verdict": "hold"})
    earlier = next(night for name, night in newest_nights() if name.endswith("20251201T030000Z.json"))
    storage.remove_folder(NIGHTS)  # which other tests with the same S3 would read
    assert not find_trend_breaks([earlier, *(night(value) for value in (0.8, 0.81, 0.8, 0.81, 0.1))])
    assert list_broken_trends([earlier]) == {}
    assert {family.name for family in night_families(earlier, datetime.now(UTC))} >= {"broadfast_night_verdict"}


def test_few_nights_have_no_limit():
    assert not find_trend_breaks([night(value) for value in (0.8, 0.81, 0.8, 0.81, 0.1)])


def test_only_the_newest_night_is_broken_now():
    values = (0.80, 0.81, 0.80, 0.81, 0.80, 0.70)
    nights = [night(value) | {"time": f"2026-01-{day:02}"} for day, value in enumerate(values, 1)]
    assert list_broken_trends(nights) == {"ndcg_at_10": True, "macro_f1": False, "seconds": False}
    nights.append(night(0.80) | {"time": "2026-01-07"})
    assert not any(list_broken_trends(nights).values())

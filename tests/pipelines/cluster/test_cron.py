"""Six-field schedules as Kubeflow reads them, which is by the rules of robfig/cron v1.2."""

from datetime import UTC, datetime

import pytest
from croniter import croniter
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.cluster.cron import next_times

NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)  # a Thursday


def show_times(cron, zone="UTC", since=NOON, count=3):
    return [f"{time:%a %d %b %H:%M:%S %z}" for time in next_times(cron, zone, since, count)]


@pytest.mark.parametrize(
    ("cron", "times"),
    [
        ("0 0 2 * * *", ["Fri 27 Nov 02:00:00 +0000", "Sat 28 Nov 02:00:00 +0000", "Sun 29 Nov 02:00:00 +0000"]),
        ("30 */20 * * * ?", ["Thu 26 Nov 12:00:30 +0000", "Thu 26 Nov 12:20:30 +0000", "Thu 26 Nov 12:40:30 +0000"]),
        ("0 5/25 12 * * *", ["Thu 26 Nov 12:05:00 +0000", "Thu 26 Nov 12:30:00 +0000", "Thu 26 Nov 12:55:00 +0000"]),
        ("0 0 9 * * mon-wed", ["Mon 30 Nov 09:00:00 +0000", "Tue 01 Dec 09:00:00 +0000", "Wed 02 Dec 09:00:00 +0000"]),
        ("0 0 0 1 1,7 *", ["Fri 01 Jan 00:00:00 +0000", "Thu 01 Jul 00:00:00 +0000", "Sat 01 Jan 00:00:00 +0000"]),
        ("0 0 0 29 FEB *", ["Tue 29 Feb 00:00:00 +0000"]),
    ],
)
def test_the_next_times_follow_the_moment(cron, times):
    assert show_times(cron, count=len(times)) == times


@pytest.mark.parametrize(
    ("cron", "days"),
    [
        ("0 0 2 */2 * mon", [5, 19]),  # a star beside a weekday: both must match (18 days in other crons)
        ("0 0 2 1,15 * mon", [1, 5, 12, 15, 19, 26]),  # no star: one of both is enough
        ("0 0 2 1-31 * mon", [*range(1, 32)]),  # all days, and still no star
        ("0 0 2 13 * */5", []),  # a star with a step is a star: the 13th is neither Sunday nor Friday
    ],
)
def test_day_fields_combine_by_robfigs_rule(cron, days):
    january = datetime(2026, 1, 1, tzinfo=UTC)
    times = next_times(cron, "UTC", january, 31)
    assert [time.day for time in times if (time.year, time.month) == (2026, 1)] == days


SPRING = datetime(2026, 3, 28, 12, tzinfo=UTC)  # Berlin's clock skips 02:00 to 03:00 on the 29th
AUTUMN = datetime(2026, 10, 24, 12, tzinfo=UTC)  # and repeats it on 25 October
SUMMER = datetime(2026, 7, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("cron", "zone", "since", "times"),
    [
        ("0 30 2 * * *", "Europe/Berlin", SPRING, ["Mon 30 Mar 02:30:00 +0200"]),
        ("0 30 1-3 29 3 *", "Europe/Berlin", SPRING, ["Sun 29 Mar 01:30:00 +0100", "Sun 29 Mar 03:30:00 +0200"]),
        ("0 0 0 30 3 *", "Europe/Berlin", SPRING, ["Mon 30 Mar 00:00:00 +0200"]),
        ("0 30 2 * * *", "Europe/Berlin", AUTUMN, ["Sun 25 Oct 02:30:00 +0200", "Sun 25 Oct 02:30:00 +0100"]),
        ("0 0 2 * * *", "Europe/Berlin", NOON, ["Fri 27 Nov 02:00:00 +0100"]),
        ("0 0 2 * * *", "Europe/Berlin", SUMMER, ["Thu 02 Jul 02:00:00 +0200"]),
        ("0 0 0 * * *", "Asia/Kathmandu", NOON, ["Fri 27 Nov 00:00:00 +0545"]),
    ],
)
def test_hours_that_the_clock_skips_or_repeats(cron, zone, since, times):
    assert show_times(cron, zone, since, len(times)) == times


@st.composite
def field_texts(draw, low, high):
    start = draw(st.integers(low, high - 1))
    end = draw(st.integers(start + 1, high))
    return draw(st.sampled_from(["*", f"*/{draw(st.integers(2, 5))}", f"{start}", f"{start}-{end}"]))


TIMES = (field_texts(0, 59), field_texts(0, 59), field_texts(0, 23))


@given(
    st.tuples(*TIMES, st.just("*"), field_texts(1, 12), field_texts(0, 6)),
    st.datetimes(datetime(2026, 1, 1), datetime(2028, 1, 1)),
)
@settings(max_examples=50, deadline=None)
def test_times_agree_with_croniter(fields, since):
    cron = " ".join(fields)
    since = since.replace(microsecond=0, tzinfo=UTC)
    reference = croniter(cron, since, ret_type=datetime, second_at_beginning=True, implement_cron_bug=True)
    assert next_times(cron, "UTC", since, 2) == [reference.get_next(), reference.get_next()]


@pytest.mark.parametrize(
    ("cron", "sentence"),
    [
        ("0 2 * * *", "has five fields; Kubeflow's have seconds first: write '0 0 2 * * *'"),
        ("0 0 2 * *  * 2026", "has 7 fields; give six: second minute hour"),
        ("@daily", "has 1 fields; give six"),
        ("0 0 2 L * *", "'L' is no day-of-month"),
        ("0 0 25 * * *", "25 is no hour, which goes from 0 to 23"),
        ("0 0 2 30 2 *", "never fires in 5 years"),
        ("0 0 2 * * 7", "Kubeflow knows no day-of-week 7; Sunday is 0"),
        ("0 0 22-2 * * *", "'22-2' runs backwards, which Kubeflow refuses: write '22-23,0-2'"),
        ("0 0 2 * * sat-mon", "'sat-mon' runs backwards, which Kubeflow refuses: write '6,0-1'"),
        ("0 */0 2 * * *", "'*/0' has step 0; give a step from 1"),
        ("0 0 1-2-3 * * *", "'1-2-3' is no hour"),
        ("0 0 2,, * * *", "'' is no hour"),
    ],
)
def test_schedules_that_kubeflow_misreads_are_refused(cron, sentence):
    with pytest.raises(ValueError, match=sentence.replace("*", r"\*").replace("(", r"\(")):
        next_times(cron, "UTC", NOON)


def test_a_zone_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match="zone 'Berlin' is none of the tz database"):
        next_times("0 0 2 * * *", "Berlin", NOON)

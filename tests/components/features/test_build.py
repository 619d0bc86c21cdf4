"""The features' source files: counted in their windows, strictly before the moment they are for."""

import pyarrow.parquet as pq
import pytest

from components.features.build import build
from tests.components.features.conftest import AS_OF


def rows(folder, name: str, key: str) -> dict:
    return {row[key]: row for row in pq.read_table(folder / f"{name}.parquet").to_pylist()}


def test_an_items_statistics_count_the_last_seven_days_before_as_of(tables, logs, tmp_path):
    build(*tables, logs, AS_OF, tmp_path / "f")
    a, b = (rows(tmp_path / "f", "item_statistics", "item_id")[name] for name in "ab")
    assert (a["impressions_7d"], a["clicks_7d"], a["orders_7d"]) == (1, 1, 1)
    assert (b["impressions_7d"], b["clicks_7d"], b["orders_7d"]) == (2, 0, 0)
    assert a["time"] == AS_OF


def test_a_querys_statistics_count_the_last_thirty_days_before_as_of(tables, logs, tmp_path):
    build(*tables, logs, AS_OF, tmp_path / "f")
    q1 = rows(tmp_path / "f", "query_statistics", "query_id")["q1"]
    assert (q1["query_impressions_30d"], q1["query_clicks_30d"]) == (3, 2)
    assert (q1["query_category"], q1["query_median_price"]) == ("Audio", 40.0)


def test_an_item_that_is_listed_after_as_of_is_not_known_yet_and_is_counted(tables, logs, tmp_path):
    facts = build(*tables, logs, AS_OF, tmp_path / "f")
    assert set(rows(tmp_path / "f", "item_text", "item_id")) == {"a", "b"}
    assert facts["items_after_as_of"] == 1


def test_queries_of_the_logs_have_statistics_even_when_nobody_judged_them(tables, logs, tmp_path):
    build(*tables, logs, AS_OF, tmp_path / "f")
    assert rows(tmp_path / "f", "query_statistics", "query_id")["q9"]["query_category"] == "Cables"


def test_the_first_night_has_no_logs_and_counts_nothing(tables, tmp_path):
    facts = build(*tables, None, AS_OF, tmp_path / "f")
    assert facts == {"item_text": 2, "item_statistics": 2, "query_statistics": 2, "items_after_as_of": 1,
                     "exposures_read": 0}  # fmt: skip
    assert rows(tmp_path / "f", "query_statistics", "query_id")["q1"]["query_median_price"] is None


def test_a_moment_without_a_time_zone_is_refused(tables, tmp_path):
    with pytest.raises(ValueError, match="without a time zone"):
        build(*tables, None, AS_OF.replace(tzinfo=None), tmp_path / "f")


def test_a_file_of_another_contract_is_refused_by_name(tables, tmp_path):
    with pytest.raises(ValueError, match="items.parquet holds"):
        build(tables[1], tables[1], None, AS_OF, tmp_path / "f")

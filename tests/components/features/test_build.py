"""The features' source files: counted in their windows, strictly before the moment they are for."""

import shutil
from datetime import timedelta

import pyarrow.parquet as pq
import pytest

from components import contracts
from components.features.build import build
from tests.components.features.conftest import AS_OF, exposure, judgement


def rows(folder, name: str, key: str) -> dict:
    return {row[key]: row for row in pq.read_table(folder / f"{name}.parquet").to_pylist()}


def test_item_statistics_count_the_last_seven_days(tables, logs, tmp_path):
    build(*tables, logs, AS_OF, tmp_path / "f")
    a, b = (rows(tmp_path / "f", "item_statistics", "item_id")[name] for name in "ab")
    assert (a["impressions_7d"], a["clicks_7d"], a["orders_7d"]) == (1, 1, 1)
    assert (b["impressions_7d"], b["clicks_7d"], b["orders_7d"]) == (2, 0, 0)
    assert a["time"] == AS_OF


def test_query_statistics_count_the_last_thirty_days(tables, logs, tmp_path):
    build(*tables, logs, AS_OF, tmp_path / "f")
    q1 = rows(tmp_path / "f", "query_statistics", "query_id")["q1"]
    assert (q1["query_impressions_30d"], q1["query_clicks_30d"]) == (3, 2)
    assert (q1["query_category"], q1["query_median_price"]) == ("Audio", 40.0)


def test_months_rates_and_categories_are_counted(tables, logs, tmp_path):
    build(*tables, logs, AS_OF, tmp_path / "f")
    b = rows(tmp_path / "f", "item_statistics", "item_id")["b"]
    q1, q2 = (rows(tmp_path / "f", "query_statistics", "query_id")[name] for name in ("q1", "q2"))
    assert (b["impressions_30d"], b["clicks_30d"], b["orders_30d"]) == (3, 1, 0)
    assert (round(q1["query_click_through"], 4), q1["query_category_entropy"]) == (0.6667, 0.0)
    assert (q2["query_click_through"], q2["query_category_entropy"]) == (None, None)


def test_two_equal_categories_have_one_bit_of_entropy(tables, tmp_path):
    shown = [exposure("a", timedelta(hours=1)), exposure("b", timedelta(hours=1), category="Cables")]
    contracts.write(shown, contracts.EXPOSURES, tmp_path / "logs/exposures/date=2026-01-31/hour=02/part=00/x.parquet")
    build(*tables, tmp_path / "logs", AS_OF, tmp_path / "f")
    assert rows(tmp_path / "f", "query_statistics", "query_id")["q1"]["query_category_entropy"] == 1.0


def test_sixty_percent_of_the_traffic_is_the_head(tmp_path, tables):
    shown = [exposure("a", timedelta(seconds=n), query_id=name) for name in ("q5", "q6") for n in range(1, 5)]
    shown += [exposure("a", timedelta(seconds=n), query_id="q7") for n in (1, 2)]
    contracts.write(shown, contracts.EXPOSURES, tmp_path / "logs/exposures/date=2026-01-31/hour=02/x.parquet")
    judgements = [judgement("q8", "a", query_class="torso"), judgement("q9", "a", query_class="")]
    contracts.write(judgements, contracts.JUDGEMENTS, tables[0])
    build(*tables, tmp_path / "logs", AS_OF, tmp_path / "f")
    statistics = rows(tmp_path / "f", "query_statistics", "query_id")
    assert {name: row["query_frequency"] for name, row in statistics.items()} == {
        "q5": 2, "q6": 2, "q7": 1, "q8": 1, "q9": None
    }  # fmt: skip


def test_copies_of_a_row_count_once(tables, logs, tmp_path):
    for table in ("exposures", "outcomes"):
        (path,) = (logs / table).rglob("*.parquet")
        shutil.copy(path, path.with_name("again.parquet"))
    assert build(*tables, logs, AS_OF, tmp_path / "f")["exposures_read"] == 7
    a = rows(tmp_path / "f", "item_statistics", "item_id")["a"]
    assert (a["impressions_7d"], a["clicks_7d"], a["orders_7d"]) == (1, 1, 1)


def test_outcomes_logged_without_order_ids_are_read(tables, logs, tmp_path):
    (path,) = (logs / "outcomes").rglob("*.parquet")
    pq.write_table(pq.read_table(path).drop_columns(["order_id"]), path.with_name("earlier.parquet"))
    path.unlink()
    build(*tables, logs, AS_OF, tmp_path / "f")
    assert rows(tmp_path / "f", "item_statistics", "item_id")["a"]["orders_7d"] == 1


def test_exposures_logged_without_a_draft_are_read(tables, logs, tmp_path):
    (path,) = (logs / "exposures").rglob("*.parquet")
    later = path.with_name("later.parquet")
    path.rename(later)
    table = pq.read_table(later)
    pq.write_table(table.slice(0, 2).drop_columns(list(contracts.NO_DRAFT)), path.with_name("earlier.parquet"))
    pq.write_table(table.slice(2), later)
    assert build(*tables, logs, AS_OF, tmp_path / "f")["exposures_read"] == table.num_rows


def test_an_item_listed_later_is_counted_apart(tables, logs, tmp_path):
    facts = build(*tables, logs, AS_OF, tmp_path / "f")
    assert set(rows(tmp_path / "f", "item_text", "item_id")) == {"a", "b"}
    assert facts["items_after_as_of"] == 1


def test_queries_without_judgements_have_statistics(tables, logs, tmp_path):
    build(*tables, logs, AS_OF, tmp_path / "f")
    assert rows(tmp_path / "f", "query_statistics", "query_id")["q9"]["query_category"] == "Cables"


def test_the_first_night_counts_nothing(tables, tmp_path):
    facts = build(*tables, None, AS_OF, tmp_path / "f")
    assert facts == {"item_text": 2, "item_statistics": 2, "query_statistics": 2, "items_after_as_of": 1,
                     "exposures_read": 0}  # fmt: skip
    assert rows(tmp_path / "f", "query_statistics", "query_id")["q1"]["query_median_price"] is None


def test_a_moment_without_a_time_zone_is_refused(tables, tmp_path):
    with pytest.raises(ValueError, match="without a time zone"):
        build(*tables, None, AS_OF.replace(tzinfo=None), tmp_path / "f")


def test_a_file_of_another_contract_is_named(tables, tmp_path):
    with pytest.raises(ValueError, match="items.parquet holds"):
        build(tables[1], tables[1], None, AS_OF, tmp_path / "f")

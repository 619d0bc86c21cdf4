"""Clicks of EXPOSURES and OUTCOMES, counted by query, item and position, with an account of every row."""

from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from components.event_logs import distinct

PAGES = """CREATE TABLE pages AS
    SELECT e.request_id, coalesce(e.query_id, e.query) AS query_id, e.query, e.locale, e.item_id, e.position,
           e.page_kind IS NOT DISTINCT FROM 'interleaved' AS is_randomised, c.item_id IS NOT NULL AS is_clicked
    FROM {exposures} e LEFT JOIN clicks c USING (request_id, item_id)
    WHERE e.position >= 1 AND coalesce(e.query_id, e.query) IS NOT NULL AND e.item_id IS NOT NULL"""
CELLS = """SELECT query_id, any_value(query) AS query, any_value(locale) AS locale, item_id, position, is_randomised,
        count(*) AS impressions, sum(is_clicked::int) AS clicks,
        sum((position <= first_click)::int) AS looks, sum((position = first_click)::int) AS first_clicks
    FROM (SELECT *, coalesce(min(position) FILTER (is_clicked) OVER (PARTITION BY request_id), 2147483647)
          AS first_click FROM pages)
    GROUP BY query_id, item_id, position, is_randomised ORDER BY query_id, item_id, position, is_randomised"""
COUNTS = """SELECT
    (SELECT count(*) FROM all_exposures) AS exposures_read, (SELECT count(*) FROM one_exposures) AS exposures_distinct,
    (SELECT count(*) FROM pages) AS exposures_used,
    (SELECT count(*) FROM all_outcomes WHERE kind = 'click') AS clicks_read,
    (SELECT count(*) FROM clicks) AS clicks_distinct, (SELECT count(*) FROM pages WHERE is_clicked) AS clicks_used"""


@dataclass(frozen=True)
class ClickCounts:
    """What users saw and clicked.

    Symbols: N cells of a pair at a position, R pairs of a query and an item. The cells' arrays are (N,), the pairs'
    texts (R,).
    """

    pair: np.ndarray  # of each cell: its number among the pairs
    position: np.ndarray  # from 1
    is_randomised: np.ndarray  # of an interleaved page, whose coins placed the item
    impressions: np.ndarray
    clicks: np.ndarray
    looks: np.ndarray  # impressions at or above the page's first click
    first_clicks: np.ndarray
    pairs: list[dict]  # query_id, query, locale, item_id
    account: dict[str, int]  # of rows: read = used + copies + the rest


def count_clicks(exposures: str | Path, outcomes: str | Path) -> ClickCounts:
    """Return the counts of some logs, Parquet files or folders of them.

    Raises:
        ValueError: a file is no Parquet, lacks a column, or no exposure has a query, an item and a position.
    """
    try:
        cells, account = _query(exposures, outcomes)
    except duckdb.Error as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"{exposures}, {outcomes}: {reason}; give Parquet files of EXPOSURES and OUTCOMES") from None
    if not len(cells):
        raise ValueError(
            f"{exposures}: no exposure has query, item and position; the platform's own EXPOSURES have them"
        )
    return _build(cells, account)


def _query(exposures: str | Path, outcomes: str | Path) -> tuple[pa.Table, dict[str, int]]:
    """Return the cells of some logs, and the account of their rows."""
    with duckdb.connect() as db:
        for name, path in (("exposures", exposures), ("outcomes", outcomes)):
            files = str(Path(path) / "**" / "*.parquet") if Path(path).is_dir() else str(path)
            literal = files.replace("'", "''")
            db.execute(f"CREATE VIEW all_{name} AS SELECT * FROM read_parquet('{literal}', union_by_name = true)")
            db.execute(f"CREATE TABLE one_{name} AS SELECT * FROM {distinct(name, f'all_{name}')}")
        db.execute("CREATE TABLE clicks AS SELECT DISTINCT request_id, item_id FROM one_outcomes WHERE kind = 'click'")
        db.execute(PAGES.format(exposures="one_exposures"))
        cells = db.sql(CELLS).to_arrow_table()
        return cells, _balance(db.sql(COUNTS).to_arrow_table().to_pylist()[0])


def _balance(counts: dict[str, int]) -> dict[str, int]:
    """Return counts of rows that add up."""
    return {
        "exposures": counts["exposures_read"],
        "exposures_used": counts["exposures_used"],
        "exposures_copies": counts["exposures_read"] - counts["exposures_distinct"],
        "exposures_incomplete": counts["exposures_distinct"] - counts["exposures_used"],
        "clicks": counts["clicks_read"],
        "clicks_used": counts["clicks_used"],
        "clicks_copies": counts["clicks_read"] - counts["clicks_distinct"],
        "clicks_without_exposure": counts["clicks_distinct"] - counts["clicks_used"],
    }


def _build(cells: pa.Table, account: dict[str, int]) -> ClickCounts:
    names = cells.select(["query_id", "query", "locale", "item_id"]).to_pylist()
    numbers: dict[tuple[str, str], int] = {}
    pairs = []
    pair = np.zeros(len(names), dtype=int)
    for row, name in enumerate(names):
        key = (name["query_id"], name["item_id"])
        if key not in numbers:
            numbers[key] = len(pairs)
            pairs.append(name)
        pair[row] = numbers[key]
    columns = ("position", "is_randomised", "impressions", "clicks", "looks", "first_clicks")
    arrays = {name: cells[name].to_numpy().astype(bool if name == "is_randomised" else int) for name in columns}
    return ClickCounts(pair=pair, pairs=pairs, account=account, **arrays)

"""Items, queries and past logs -> the Parquet files that Feast reads: one row an entity, with the moment it was known.

Everything is counted strictly before `as_of`, so that no feature of a judgement knows what came after it.
"""

from datetime import datetime
from pathlib import Path

import duckdb
import pyarrow as pa

from components import contracts

ITEM_TEXT = """
select item_id, title, brand, category, attributes, time from items where time <= {as_of}
"""
ITEM_STATISTICS = """
with latest as (
    select * from items where time <= {as_of} qualify row_number() over (partition by item_id order by time desc) = 1
),
shown as (select item_id, count(*) as shown from exposures where time < {as_of} and time >= {week_ago} group by all),
done as (
    select item_id, count(*) filter (kind = 'click') as clicks, count(*) filter (kind = 'order') as orders
    from outcomes where time < {as_of} and time >= {week_ago} group by all
)
select item_id, price, rating, coalesce(shown, 0) as impressions_7d, coalesce(clicks, 0) as clicks_7d,
    coalesce(orders, 0) as orders_7d, {as_of} as time
from latest left join shown using (item_id) left join done using (item_id)
"""
QUERY_STATISTICS = """
with known as (
    select query_id from judgements union select query_id from exposures where query_id <> '' and time < {as_of}
),
shown as (
    select exposures.*, price from exposures left join statistics using (item_id)
    where exposures.time < {as_of} and exposures.time >= {month_ago}
),
counted as (select query_id, count(*) as shown, median(price) as median_price from shown group by all),
usual as (
    select query_id, category from shown where category <> '' group by query_id, category
    qualify row_number() over (partition by query_id order by count(*) desc, category) = 1
),
clicked as (
    select query_id, count(*) as clicks
    from outcomes
    join (select distinct request_id, item_id, query_id from exposures where time < {as_of}) using (request_id, item_id)
    where kind = 'click' and outcomes.time < {as_of} and outcomes.time >= {month_ago} group by all
)
select query_id, coalesce(shown, 0) as query_impressions_30d, coalesce(clicks, 0) as query_clicks_30d,
    coalesce(category, '') as query_category, median_price::float as query_median_price, {as_of} as time
from known left join counted using (query_id) left join usual using (query_id) left join clicked using (query_id)
"""


def build(judgements: str | Path, items: str | Path, logs: Path | None, as_of: datetime, folder: str | Path) -> dict:
    """Write item_text, item_statistics and query_statistics below `folder`; returns their row counts.

    `logs` holds exposures/ and outcomes/ as the server wrote them, or is None on the first night.

    Raises:
        ValueError: `as_of` has no time zone, or a file is not of its contract.
    """
    if as_of.tzinfo is None:
        raise ValueError(f"as_of is {as_of.isoformat()}, without a time zone; give e.g. {as_of.isoformat()}+00:00")
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    moments = {
        "as_of": f"timestamptz '{as_of.isoformat()}'",
        "week_ago": f"(timestamptz '{as_of.isoformat()}' - interval '168 hours')",
        "month_ago": f"(timestamptz '{as_of.isoformat()}' - interval '720 hours')",
    }
    with duckdb.connect() as database:
        _table(database, "judgements", contracts.JUDGEMENTS, [judgements])
        _table(database, "items", contracts.ITEMS, [items])
        for name, schema in (("exposures", contracts.EXPOSURES), ("outcomes", contracts.OUTCOMES)):
            _table(database, name, schema, sorted((logs / name).rglob("*.parquet")) if logs else [])
        written = {
            "item_text": _write(database, ITEM_TEXT.format(**moments), folder / "item_text.parquet"),
            "item_statistics": _write(database, ITEM_STATISTICS.format(**moments), folder / "item_statistics.parquet"),
        }
        database.execute(f"create view statistics as from {_source([folder / 'item_statistics.parquet'])}")
        query_file = folder / "query_statistics.parquet"
        written["query_statistics"] = _write(database, QUERY_STATISTICS.format(**moments), query_file)
        later = database.execute(f"select count(*) from items where time > {moments['as_of']}").fetchone()[0]
        exposures = database.execute("select count(*) from exposures").fetchone()[0]
    return {**written, "items_after_as_of": later, "exposures_read": exposures}


def _table(database: duckdb.DuckDBPyConnection, name: str, schema: pa.Schema, files: list) -> None:
    for file in files:
        next(contracts.read_batches(schema, file), None)  # refuses a file of another contract
    if files:
        database.execute(f"create view {name} as from {_source(files)}")
    else:
        database.register(name, schema.empty_table())


def _source(files: list) -> str:
    quoted = ", ".join("'{}'".format(str(file).replace("'", "''")) for file in files)
    return f"read_parquet([{quoted}], hive_partitioning = false)"


def _write(database: duckdb.DuckDBPyConnection, select: str, path: Path) -> int:
    target = str(path).replace("'", "''")
    database.execute(f"copy ({select}) to '{target}' (format parquet, compression zstd)")
    return contracts.count(path)

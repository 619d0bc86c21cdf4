"""The Parquet files that Feast reads, from items, queries and past logs: one row an entity, with its time.

Everything is counted strictly before `as_of`, so that no feature of a judgement knows what came after it.
"""

from datetime import datetime
from pathlib import Path

import duckdb
import pyarrow as pa

from components import contracts, event_logs

ITEM_TEXT = """
select item_id, title, brand, category, attributes, time from items where time <= {as_of}
"""
ITEM_STATISTICS = """
with latest as (
    select * from items where time <= {as_of} qualify row_number() over (partition by item_id order by time desc) = 1
),
shown as (
    select item_id, count(*) filter (time >= {week_ago}) as week, count(*) as month
    from exposures where time < {as_of} and time >= {month_ago} group by all
),
done as (
    select item_id, count(*) filter (kind = 'click' and time >= {week_ago}) as clicks_week,
        count(*) filter (kind = 'order' and time >= {week_ago}) as orders_week,
        count(*) filter (kind = 'click') as clicks_month, count(*) filter (kind = 'order') as orders_month
    from outcomes where time < {as_of} and time >= {month_ago} group by all
)
select latest.item_id, price, rating, coalesce(week, 0) as impressions_7d, coalesce(clicks_week, 0) as clicks_7d,
    coalesce(orders_week, 0) as orders_7d, coalesce(month, 0) as impressions_30d,
    coalesce(clicks_month, 0) as clicks_30d, coalesce(orders_month, 0) as orders_30d, {as_of} as time
from latest
    left join shown on shown.item_id = split_part(latest.item_id, chr(31), 1)  -- of all locales
    left join done on done.item_id = split_part(latest.item_id, chr(31), 1)
"""
# Of what was shown in thirty days, the queries asked most that make up 60% are the head, the next 30% the torso;
# a query that was not shown is what its judgements say. 2 is head, 1 torso, 0 tail.
QUERY_STATISTICS = """
with judged as (select query_id, any_value(query_class) as class from judgements group by query_id),
known as (
    select query_id from judged union select query_id from exposures where query_id <> '' and time < {as_of}
),
shown as (
    select exposures.*, coalesce(local.price, statistics.price) as price
    from exposures left join statistics on statistics.item_id = exposures.item_id
    left join statistics local on local.item_id = exposures.item_id || chr(31) || exposures.locale
    where exposures.time < {as_of} and exposures.time >= {month_ago} and query_id <> ''
),
counted as (select query_id, count(*) as shown, median(price) as median_price from shown group by all),
ranked as (
    select query_id, (sum(shown) over (order by shown desc, query_id) - shown) / sum(shown) over () as before
    from counted
),
by_category as (select query_id, category, count(*) as n from shown where category <> '' group by query_id, category),
usual as (
    select query_id, category from by_category
    qualify row_number() over (partition by query_id order by n desc, category) = 1
),
spread as (
    select query_id, -sum(share * log2(share)) as entropy
    from (select query_id, n / sum(n) over (partition by query_id) as share from by_category) group by query_id
),
clicked as (
    select query_id, count(*) as clicks
    from outcomes
    join (select distinct request_id, item_id, query_id from exposures where time < {as_of}) using (request_id, item_id)
    where kind = 'click' and outcomes.time < {as_of} and outcomes.time >= {month_ago} group by all
)
select query_id, coalesce(shown, 0) as query_impressions_30d, coalesce(clicks, 0) as query_clicks_30d,
    (coalesce(clicks, 0) / shown)::float as query_click_through,
    case when before < 0.6 or (before is null and class = 'head') then 2
        when before < 0.9 or (before is null and class = 'torso') then 1
        when before is not null or class = 'tail' then 0 end::bigint as query_frequency,
    abs(entropy)::float as query_category_entropy,
    coalesce(category, '') as query_category, median_price::float as query_median_price, {as_of} as time
from known left join judged using (query_id) left join counted using (query_id) left join ranked using (query_id)
    left join usual using (query_id) left join spread using (query_id) left join clicked using (query_id)
"""


def build(judgements: str | Path, items: str | Path, logs: Path | None, as_of: datetime, folder: str | Path) -> dict:
    """Write item_text, item_statistics and query_statistics below `folder`, and return counts.

    `logs` holds exposures/ and outcomes/ as the server wrote them, or is None on the first night.
    Copies of a row count once.

    Raises:
        ValueError: `as_of` has no time zone, or a file is not of its contract.
    """
    if as_of.tzinfo is None:
        raise ValueError(f"as_of is {as_of.isoformat()}, without a time zone; give e.g. {as_of.isoformat()}+00:00")
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with duckdb.connect() as database:
        _create_view(database, "judgements", contracts.JUDGEMENTS, [judgements])
        _create_view(database, "items", contracts.ITEMS, [items])
        for name, schema in (("exposures", contracts.EXPOSURES), ("outcomes", contracts.OUTCOMES)):
            _create_view(database, name, schema, sorted((logs / name).rglob("*.parquet")) if logs else [])
        return _write_tables(database, _moments(as_of), folder)


def _moments(as_of: datetime) -> dict[str, str]:
    """Return the ends of the windows as SQL."""
    moment = f"timestamptz '{as_of.isoformat()}'"
    return {
        "as_of": moment,
        "week_ago": f"({moment} - interval '168 hours')",
        "month_ago": f"({moment} - interval '720 hours')",
    }


def _write_tables(database: duckdb.DuckDBPyConnection, moments: dict[str, str], folder: Path) -> dict:
    counts = {}
    for name, select in (("item_text", ITEM_TEXT), ("item_statistics", ITEM_STATISTICS)):
        counts[name] = _write(database, select.format(**moments), folder / f"{name}.parquet")
    database.execute(f"create view statistics as from {parquet_sql([folder / 'item_statistics.parquet'])}")
    query_file = folder / "query_statistics.parquet"
    counts["query_statistics"] = _write(database, QUERY_STATISTICS.format(**moments), query_file)
    counts["items_after_as_of"] = _count(database, f"items where time > {moments['as_of']}")
    counts["exposures_read"] = _count(database, "exposures")
    return counts


def _count(database: duckdb.DuckDBPyConnection, rows: str) -> int:
    return database.execute(f"select count(*) from {rows}").fetchone()[0]


def _create_view(database: duckdb.DuckDBPyConnection, name: str, schema: pa.Schema, files: list) -> None:
    earlier = pa.schema([column for column in schema if column.name not in event_logs.LATER_COLUMNS.get(name, {})])
    for file in files:
        next(contracts.read_batches(schema, file, earlier), None)  # refuses a file of another contract
    if files:
        database.register(f"empty_{name}", schema.empty_table())
        rows = f"(from {parquet_sql(files)} union all by name from empty_{name})"
        distinct_rows = event_logs.distinct(name, rows) if name in event_logs.KEYS else rows
        database.execute(f"create view {name} as from {distinct_rows}")
    else:
        database.register(name, schema.empty_table())


def parquet_sql(files: list) -> str:
    """Return SQL for the rows of Parquet files."""
    names = ", ".join("'{}'".format(str(file).replace("'", "''")) for file in files)
    return f"read_parquet([{names}], hive_partitioning = false, union_by_name = true)"


def _write(database: duckdb.DuckDBPyConnection, select: str, path: Path) -> int:
    target = str(path).replace("'", "''")
    database.execute(f"copy ({select}) to '{target}' (format parquet, compression zstd)")
    return contracts.count(path)

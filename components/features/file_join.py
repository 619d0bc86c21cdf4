"""The join of judgements with a night's feature files, without Feast: for a platform that serves without it.

It gives what Feast's join gives (`materialize.join_history`), by DuckDB alone.
"""

from datetime import datetime
from pathlib import Path

import duckdb
import pyarrow as pa

from components import contracts
from components.features.build import parquet_sql

JOIN = """
with texts as (
    select * from {item_text} where time <= $as_of
    qualify row_number() over (partition by item_id order by time desc) = 1
),
pairs as (
    select pair.row, pair.query_id, coalesce(local.item_id, pair.item_id) as item_id
    from pairs_in pair left join texts local on local.item_id = pair.item_id || chr(31) || pair.locale
)
select pairs.row, texts.brand, texts.category, item.* exclude (item_id, time), query.* exclude (query_id, time)
from pairs
    left join texts on texts.item_id = pairs.item_id
    left join {item_statistics} item on item.item_id = pairs.item_id
    left join {query_statistics} query on query.query_id = pairs.query_id
order by pairs.row
"""
PAIR = pa.schema({"query_id": pa.string(), "item_id": pa.string(), "locale": pa.string(), "row": pa.int64()})
TABLES = ("item_text", "item_statistics", "query_statistics")


def join_files(judgements: str | Path, folder: str | Path, as_of: datetime) -> pa.Table:
    """Return what the files say at `as_of`, one row a judgement, in their order."""
    rows = contracts.read_batches(contracts.JUDGEMENTS, judgements)
    pairs = [(row["query_id"], row["item_id"], row["locale"], number) for number, row in enumerate(rows)]
    table = pa.Table.from_pylist([dict(zip(PAIR.names, pair, strict=True)) for pair in pairs], PAIR)
    tables = {name: parquet_sql([Path(folder) / f"{name}.parquet"]) for name in TABLES}
    with duckdb.connect() as database:
        database.register("pairs_in", table)
        return database.sql(JOIN.format(**tables), params={"as_of": as_of}).to_arrow_table()

"""A sample of the pairs that nobody judged, by hash: DuckDB drops copies and judged pairs, and spills to disk."""

from pathlib import Path

import pyarrow as pa

from components import contracts

CANDIDATES = pa.schema([*contracts.UNJUDGED, ("number", pa.int64())])
COLUMNS = ", ".join(contracts.UNJUDGED.names)
PAIRS = """
    create table pair as select * exclude (number, shown), total as shown from (
        select *, sum(shown) over (partition by query_id, item_id)::bigint as total from candidates
        qualify row_number() over (partition by query_id, item_id order by number) = 1
    )
"""
NEW_PAIRS = "create view new_pair as from pair anti join judgements using (query_id, item_id)"
SAMPLE = f"""
    from (from new_pair order by sha256(query_id || chr(10) || item_id), query_id, item_id limit $pairs)
    select {COLUMNS} order by query_id, item_id
"""


def sample_pairs(candidates: Path, judgements: str | Path, pairs: int, out: str | Path) -> dict[str, int]:
    """Write a sample of the pairs that nobody judged, and return the counts."""
    import duckdb

    with duckdb.connect(str(candidates.with_suffix(".duckdb"))) as database:
        database.read_parquet(str(candidates)).create_view("candidates")
        database.read_parquet(str(judgements)).create_view("judgements")
        database.execute(PAIRS)
        database.execute(NEW_PAIRS)
        distinct_count, new_count = (
            database.execute(f"select count(*) from {name}").fetchall()[0][0] for name in ("pair", "new_pair")
        )
        with contracts.open_writer(contracts.UNJUDGED, out) as write_batch:
            sample = database.sql(SAMPLE, params={"pairs": pairs})
            written_count = sum(
                write_batch(batch.to_pylist()) for batch in sample.to_arrow_reader(contracts.BATCH_ROWS)
            )
    return {"distinct": distinct_count, "new": new_count, "written": written_count}

"""The tables that a student learns from, joined by pair in DuckDB, which spills to disk: memory is flat."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from components import contracts

COLUMNS = "query_id, item_id, query, title, brand, category, attributes"
JOIN = f"""
    with by_pair as (
        select query_id, item_id, list(embedding order by key) as embeddings
        from embeddings group by query_id, item_id
    ),
    pair as (
        select {COLUMNS}, label from training_set where split = 'train'
        union all select {COLUMNS}, null from unjudged_pairs
    )
    select pair.*, by_pair.embeddings, teacher.label as teacher_label, teacher.weight as teacher_weight
    from pair left join by_pair using (query_id, item_id) left join teacher_labels teacher using (query_id, item_id)
    order by query_id, item_id
"""


class StudentTables(NamedTuple):
    """The tables that a student learns from: TRAINING_SET, RATIONALE_EMBEDDINGS, UNJUDGED, TEACHER_LABELS.

    A plain student has neither of the last two.
    """

    training_set: str | Path
    embeddings: str | Path
    unjudged_pairs: str | Path = ""
    teacher_labels: str | Path = ""

    def count_pairs(self) -> int:
        """Return the number of judged and unjudged pairs."""
        return sum(contracts.count(table) for table in (self.training_set, self.unjudged_pairs) if table)


def join_tables(tables: StudentTables) -> Iterator[dict]:
    """Yield train and unjudged pairs by query and item, with rationales' embeddings and teacher's labels."""
    import duckdb

    empty_tables = {"unjudged_pairs": contracts.UNJUDGED, "teacher_labels": contracts.TEACHER_LABELS}
    with duckdb.connect() as database:
        for name, path in tables._asdict().items():
            if path:
                database.read_parquet(str(path)).create_view(name)
            else:
                database.register(name, empty_tables[name].empty_table())
        for batch in database.sql(JOIN).to_arrow_reader(contracts.BATCH_ROWS):
            yield from batch.to_pylist()

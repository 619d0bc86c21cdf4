"""A teacher's label of a pair: the one that most of its answers end in, from RATIONALES and QUARANTINE.

One answer is no label: what a model says after one rationale is as sure as it is often wrong. So a label needs two
answers that end in it, as those of several perspectives, and more than any other label has. Its confidence is the share
of the answers that end in it, broken ones among them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from components import contracts
from components.contracts import LABELS

MINIMUM_VOTES = 2
COLUMNS = ", ".join(f"count(*) filter (predicted_label = '{label}') as \"{label}\"" for label in LABELS)
VOTES = f"""
    with answer as (
        select query_id, item_id, label, predicted_label, model_digest from rationales
        union all select query_id, item_id, label, null, null from quarantine
    )
    select query_id, item_id, any_value(label) as judged_label, any_value(model_digest) as teacher,
        count(*) as answers, {COLUMNS}
    from answer group by query_id, item_id order by query_id, item_id
"""


@dataclass(frozen=True)
class Votes:
    """What a teacher's answers to a pair end in."""

    query_id: str
    item_id: str
    judged_label: str | None  # people's
    label: str | None  # the teacher's; None where it has none
    confidence: float  # the share of the answers that end in the label; 0 without one
    answers: int
    teacher: str | None  # digest; None where every answer breaks the form


def read_votes(rationales: str | Path, quarantine: str | Path) -> Iterator[Votes]:
    """Yield the votes of each pair, by query and item. Memory is flat."""
    import duckdb

    with duckdb.connect() as database:
        database.read_parquet(str(rationales)).create_view("rationales")
        database.read_parquet(str(quarantine)).create_view("quarantine")
        for batch in database.sql(VOTES).to_arrow_reader(contracts.BATCH_ROWS):
            yield from map(count_votes, batch.to_pylist())


def count_votes(row: dict) -> Votes:
    """Return the votes of one pair."""
    counts = {label: row[label] for label in LABELS}
    label = max(LABELS, key=counts.__getitem__)
    is_clear = counts[label] >= MINIMUM_VOTES and list(counts.values()).count(counts[label]) == 1
    return Votes(
        query_id=row["query_id"],
        item_id=row["item_id"],
        judged_label=row["judged_label"],
        label=label if is_clear else None,
        confidence=counts[label] / row["answers"] if is_clear else 0.0,
        answers=row["answers"],
        teacher=row["teacher"],
    )

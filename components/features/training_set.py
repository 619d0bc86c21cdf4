"""The training set: judgements with their features, computed from what was known of each pair."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from components import contracts, cross_features


def write_joined(judgements: str | Path, history: pa.Table, out: str | Path) -> int:
    """Write every judgement with its features, and return the row count.

    `history` has a row a judgement, in their order: what was known of the pair.

    Raises:
        ValueError: the join has another number of rows than there are judgements.
    """
    judgement_rows = contracts.read_batches(contracts.JUDGEMENTS, judgements)
    rows = (
        judgement | cross_features.compute_features(stored_row | {"query": judgement["query"]}, stored_row)
        for judgement, stored_row in zip(judgement_rows, stream_rows(history), strict=True)
    )
    return contracts.write_batches(rows, contracts.TRAINING_SET, out)


def stream_rows(table: pa.Table) -> Iterator[dict]:
    """Yield a table's rows, a batch at a time."""
    for batch in table.to_batches(contracts.BATCH_ROWS):
        yield from batch.to_pylist()

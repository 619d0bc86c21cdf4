"""The rows of a source of unjudged pairs: what can be used of them goes to a table, the rest to quarantine."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path

import pyarrow as pa

from components import contracts
from components.judgements.collection import Collection
from components.judgements.unjudged_rows import Row
from components.row_batches import batch_rows


def write_usable_rows(
    name: str,
    rows: Iterable[Row],
    choose: Callable[[Row], dict | None],
    schema: pa.Schema,
    out: tuple[str | Path, str | Path],
) -> Counter:
    """Write what `choose` makes of usable rows, and count them.

    The counts are `rows`, `unreadable` and `kept`. `choose` returns None of a row that is not wanted. `out` are the
    paths of the table and of QUARANTINED_ROWS.
    """
    counts: Counter = Counter()
    with ExitStack() as stack:
        write_kept, write_refused = (
            stack.enter_context(contracts.open_writer(each, path))
            for each, path in zip((schema, contracts.QUARANTINED_ROWS), out, strict=True)
        )
        for batch in batch_rows(rows, contracts.BATCH_ROWS):
            refusals = Collection(name)
            kept_rows = []
            for row in batch:
                if row.problem:
                    refusals.set_aside(row.number, row.problem, row.text)
                elif (fields := choose(row)) is not None:
                    kept_rows.append(fields)
            counts["rows"] += len(batch)
            counts["unreadable"] += write_refused(refusals.quarantine)
            counts["kept"] += write_kept(kept_rows)
    return counts


def check_usable(source: str, counts: Mapping[str, int], reason: str) -> None:
    """Check that some row of a source can be used.

    Raises:
        ValueError: none can.
    """
    if counts["unreadable"] == counts["rows"]:
        raise ValueError(f"{source}: none of {counts['rows']:,} rows can be used: {reason}")

"""Unjudged pairs: what pages showed, or a file names, and nobody judged. They teach a student by a teacher alone.

Pairs of queries in a held-out split never train anybody, so they are dropped, as are pairs that are judged. Of what is
left a sample of fixed size is taken by hash. The pairs pass through files and DuckDB: memory holds the judged queries.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from components import contracts
from components.absence import absent_result
from components.judgements.columns import REQUIRED_OF_UNJUDGED
from components.judgements.queries import Key, query_key
from components.judgements.readers import download_source, open_source, parse_columns
from components.judgements.unjudged_rows import Row, read_exposures, read_source
from components.judgements.unjudged_sample import CANDIDATES, sample_pairs
from components.judgements.usable_rows import check_usable, write_usable_rows
from components.log_days import fetch_logs, parse_moment
from components.sampling import hash_id
from components.step_result import StepResult

CHECKED_ROWS = 1000  # of a file, before a run starts


@dataclass(frozen=True)
class UnjudgedSource:
    """Where unjudged pairs come from: a file, or the exposures where none is named."""

    address: str = ""  # of a file or folder, here or on S3
    columns: str = ""  # as of the judgements; that of the label is not read
    logs_prefix: str = ""  # of exposures on S3; "": there are none
    as_of: str = ""  # exposures before it; "": now


@dataclass(frozen=True)
class JudgedQuery:
    """A query of the judgements."""

    query_id: str
    split: str
    query_class: str | None


def collect_unjudged(
    source: UnjudgedSource, tables: tuple[str | Path, str | Path], pairs: int, out: tuple[str | Path, str | Path]
) -> StepResult:
    """Write UNJUDGED, at most `pairs` of them, and QUARANTINED_ROWS. `tables` are JUDGEMENTS and ITEMS.

    Rows in are a file's rows, or each pair that a page showed, once.

    Raises:
        ValueError: the source cannot be read, or none of its rows can be used.
    """
    if not pairs:
        return write_nothing("unjudged_pairs is 0", out)
    judgements, items = tables
    with TemporaryDirectory() as folder:
        name, rows = open_rows(source, items, Path(folder))
        if rows is None:
            return write_nothing("no page was shown yet", out)
        counts = write_candidates(name, rows, judgements, (Path(folder, "candidates"), Path(out[1])))
        check_rows(name, counts)
        counts.update(sample_pairs(Path(folder, "candidates"), judgements, pairs, out[0]))
    return summarise(counts)


def write_nothing(reason: str, out: tuple[str | Path, str | Path]) -> StepResult:
    """Write both tables without a row."""
    contracts.write([], contracts.UNJUDGED, out[0])
    contracts.write([], contracts.QUARANTINED_ROWS, out[1])
    return absent_result(reason)


def open_rows(source: UnjudgedSource, items: str | Path, folder: Path) -> tuple[str, Iterator[Row] | None]:
    """Return the source's name with its rows, or with None where there are no logs."""
    if source.address:
        file = open_unjudged(download_source(source.address, folder / "source"), parse_columns(source.columns))
        return file.name, read_source(file)
    moment = parse_moment(source.as_of)
    logs = fetch_logs(source.logs_prefix, moment, folder / "logs", ("exposures",)) if source.logs_prefix else None
    return "exposures", read_exposures(logs, items, moment) if logs else None


def open_unjudged(path: Path, columns: Mapping[str, str]):
    """Open a file of unjudged pairs, as of judgements without labels.

    Raises:
        ValueError: a kind of file that is not read, or columns that are missing.
    """
    pair_columns = {ours: theirs for ours, theirs in columns.items() if ours not in ("label", "rater")}
    return open_source(path, pair_columns, REQUIRED_OF_UNJUDGED)


def check_unjudged(path: Path, columns: Mapping[str, str]) -> None:
    """Check a file before a run starts, by its first rows.

    Raises:
        ValueError: it cannot be read, or none of these rows can be used.
    """
    file = open_unjudged(path, columns)
    counts: Counter = Counter()
    for row, _ in zip(read_source(file), range(CHECKED_ROWS), strict=False):
        counts.update(rows=1, unreadable=bool(row.problem))
    check_rows(file.name, counts)


def check_rows(name: str, counts: Counter) -> None:
    """Check that some row of a file can be used.

    Raises:
        ValueError: none can.
    """
    if name != "exposures":
        check_usable(f"--unjudged {name}", counts, "each needs a query and a title")


def write_candidates(
    name: str, rows: Iterator[Row], judgements: str | Path, out: tuple[str | Path, str | Path]
) -> Counter:
    """Write the usable rows of queries that are not held out, and count them.

    `out` are the paths of CANDIDATES and QUARANTINED_ROWS.
    """
    queries = read_queries(judgements)
    counts = write_usable_rows(name, rows, lambda row: identify(row, queries, name), CANDIDATES, out)
    counts["candidates"] = counts.pop("kept")
    counts["held_out"] = counts["rows"] - counts["unreadable"] - counts["candidates"]
    return counts


def read_queries(judgements: str | Path) -> dict[Key, JudgedQuery]:
    """Return the judged queries by locale and text."""
    queries = {}
    for row in contracts.read_batches(contracts.JUDGEMENTS, judgements):
        key = query_key(row["locale"], row["query"])
        if key not in queries:
            queries[key] = JudgedQuery(row["query_id"], row["split"], row["query_class"])
    return queries


def identify(row: Row, queries: Mapping[Key, JudgedQuery], name: str) -> dict | None:
    """Return a CANDIDATES row with its query's id, or None of a held-out query."""
    key = query_key(row.fields["locale"], row.fields["query"])
    query = queries.get(key)
    if query is not None and query.split != "train":
        return None
    fields = row.fields | {"source": "exposures" if name == "exposures" else "file", "number": row.number}
    fields["query_id"] = query.query_id if query else hash_id(*key)
    fields["query_class"] = query.query_class if query else fields["query_class"]
    return fields


def summarise(counts: Counter) -> StepResult:
    """Return the counts by what became of the rows, which add up."""
    reasons = {
        "unreadable": counts["unreadable"],
        "of held-out queries": counts["held_out"],
        "copies": counts["candidates"] - counts["distinct"],
        "judged": counts["distinct"] - counts["new"],
        "above unjudged_pairs": counts["new"] - counts["written"],
    }
    total = sum(reasons.values())
    losses = ", ".join(f"{count:,} {reason}" for reason, count in reasons.items() if count)
    headline = f"{counts['written']:,} pairs" + (f"; {losses}" if losses else "")
    details = {"set_aside_why": reasons}
    return StepResult(counts["rows"], counts["written"], total, headline, details)

"""What is kept of a night for people: held-out pairs as both students scored them, and the teacher's rationales."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

from components import contracts, storage
from components.release_store import COMPARED_PAIRS, COMPARED_RATIONALES, COMPARISONS

MOST_EXPLAINED = 20_000  # rationales of a table, the first ones
RATIONALE_TEXTS = ("query", "title", "locale", "split")
TEXTS = ("query", "title", "brand", "category", "attributes")


@dataclass(frozen=True)
class ComparisonTables:
    """A night's PREDICTIONS of the same pairs by two students, JUDGEMENTS, and RATIONALES."""

    candidate: Path
    baseline: Path
    judgements: Path
    rationales: Sequence[Path]


def publish_comparison(name: str, tables: ComparisonTables) -> str:
    """Write a night's comparison to S3, and return its prefix."""
    prefix = f"{COMPARISONS}/{name}"
    with TemporaryDirectory() as folder:
        pairs = Path(folder, COMPARED_PAIRS)
        contracts.write_batches(join_pairs(tables), contracts.COMPARED_PAIRS, pairs)
        rationales = Path(folder, COMPARED_RATIONALES)
        contracts.write_batches(join_rationales(tables), contracts.EXPLAINED_PAIRS, rationales)
        storage.put_folder(folder, prefix)
    return prefix


def join_pairs(tables: ComparisonTables) -> Iterator[dict]:
    """Yield a row for each pair that both students scored, with its texts.

    Raises:
        ValueError: a scored pair is not judged, so the tables are of different nights.
    """
    baseline = {_pair(row): row for row in contracts.read_batches(contracts.PREDICTIONS, tables.baseline)}
    texts = {
        _pair(row): dict(zip(TEXTS, map(row.get, TEXTS), strict=True))
        for row in contracts.read_batches(contracts.JUDGEMENTS, tables.judgements)
        if _pair(row) in baseline
    }
    for row in contracts.read_batches(contracts.PREDICTIONS, tables.candidate):
        pair = _pair(row)
        if pair not in texts:
            raise ValueError(
                f"the query {pair[0]} and item {pair[1]} of {tables.candidate} are not in {tables.baseline} and "
                f"{tables.judgements}: give the tables of one night"
            )
        yield _join(row, baseline[pair], texts[pair])


def join_rationales(tables: ComparisonTables) -> Iterator[dict]:
    """Yield the first rationales of each table, with the texts of their pairs."""
    rationales = []
    for path in tables.rationales:
        rationales += islice(contracts.read_batches(contracts.RATIONALES, path), MOST_EXPLAINED)
    pairs = {_pair(row) for row in rationales}
    texts = {
        _pair(row): dict(zip(RATIONALE_TEXTS, map(row.get, RATIONALE_TEXTS), strict=True))
        for row in contracts.read_batches(contracts.JUDGEMENTS, tables.judgements)
        if _pair(row) in pairs
    }
    for row in rationales:
        if _pair(row) in texts:  # what was shown and never judged has no label to be right about
            yield {name: row[name] for name in contracts.EXPLAINED_PAIRS.names if name in row} | texts[_pair(row)]


def _join(candidate: dict, baseline: dict, texts: dict) -> dict:
    same = {name: candidate[name] for name in ("query_id", "item_id", "query_class", "query_kind", "locale", "label")}
    return (
        same
        | texts
        | {
            "stable_label": baseline["predicted_label"],
            "stable_score": baseline["score"],
            "candidate_label": candidate["predicted_label"],
            "candidate_score": candidate["score"],
        }
    )


def _pair(row: dict) -> tuple[str, str]:
    return row["query_id"], row["item_id"]

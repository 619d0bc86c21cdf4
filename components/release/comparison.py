"""What is kept of a night for people: each held-out pair as both students scored it, and the teacher's rationales."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from components import contracts, storage
from components.release_store import COMPARED_PAIRS, COMPARED_RATIONALES, COMPARISONS
from components.settings import Settings

TEXTS = ("query", "title", "brand", "category", "attributes")


@dataclass(frozen=True)
class ComparisonTables:
    """A night's tables: two students' PREDICTIONS of the same pairs, their JUDGEMENTS, held-out RATIONALES."""

    candidate: Path
    baseline: Path
    judgements: Path
    rationales: Path


def publish_comparison(name: str, tables: ComparisonTables) -> str:
    """Write a night's comparison to S3, and return its prefix."""
    prefix = f"{COMPARISONS}/{name}"
    with TemporaryDirectory() as folder:
        pairs = Path(folder, COMPARED_PAIRS)
        contracts.write_batches(join_pairs(tables), contracts.COMPARED_PAIRS, pairs)
        storage.client().fput_object(Settings().s3_bucket, f"{prefix}/{COMPARED_PAIRS}", str(pairs))
    storage.client().fput_object(Settings().s3_bucket, f"{prefix}/{COMPARED_RATIONALES}", str(tables.rationales))
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

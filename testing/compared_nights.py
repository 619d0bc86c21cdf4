"""Nights as the workbench reads them from S3: their records, and a tiny comparison or one of many queries."""

from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from components import contracts, storage
from components.release_store import COMPARED_PAIRS, COMPARED_RATIONALES, COMPARISONS, NIGHTS
from testing.rows import judgement, rationale

SIDES = {"query_kind": "specific", "stable_label": "Exact", "candidate_label": "Exact"}
UNUSED = ("split", "mismatch")


def compared_pair(**fields) -> dict:
    """Return a COMPARED_PAIRS row."""
    row = {name: value for name, value in judgement().items() if name not in UNUSED}
    return row | SIDES | {"stable_score": 0.5, "candidate_score": 0.5} | fields


def explained_pair(**fields) -> dict:
    """Return an EXPLAINED_PAIRS row: a rationale with the texts of its pair."""
    row = judgement() | rationale() | fields
    return {name: row[name] for name in contracts.EXPLAINED_PAIRS.names}


def write_night(number: int, pairs: list[dict], rationales: list[dict] | None = None, **values) -> dict:
    """Write a night of January 2026 to S3, with its comparison, and return its record."""
    time = datetime(2026, 1, number, 3, tzinfo=UTC)
    prefix = f"{COMPARISONS}/{time:%Y%m%dT%H%M%SZ}"
    with TemporaryDirectory() as folder:
        contracts.write(pairs, contracts.COMPARED_PAIRS, Path(folder, COMPARED_PAIRS))
        contracts.write(rationales or [], contracts.EXPLAINED_PAIRS, Path(folder, COMPARED_RATIONALES))
        storage.put_folder(folder, prefix)
    night = {
        "time": time.isoformat(),
        "verdict": "release",
        "version": "student-new",
        "reasons": ["macro-F1 rose"],
        "metrics": {"macro_f1": 0.7, "accuracy": 0.8, "ndcg_at_10": 0.9},
        "serving_version": "student-old",
        "gains": {"ndcg_at_10": {"difference": 0.02, "low": 0.01, "high": 0.03}},
        "used": {"requests": 10, "tokens_in": 100, "tokens_out": 20, "seconds": 30.0},
        "usd": None,
        "models": {},
        "artifacts": "",
        "comparison": prefix,
    }
    storage.put_json(f"{NIGHTS}/{time:%Y%m%dT%H%M%SZ}.json", night | values)
    return night | values


def many_pairs(queries: int, items: int = 10) -> list[dict]:
    """Return pairs of many queries. The candidate ranks every third query's Exact item last, where stable has it first.

    Of the others, every second is ranked the other way round.
    """
    rows = []
    for query in range(queries):
        moves = {"stable": query % 3 == 0, "candidate": query % 3 == 1}
        for item in range(items):
            scores = {f"{side}_score": 1 / (item + 1) if is_right else item / 100 for side, is_right in moves.items()}
            rows.append(
                compared_pair(
                    query_id=f"q{query:05}",
                    query=f"query {query}",
                    query_class=contracts.QUERY_CLASSES[query % 3],
                    locale="us" if query % 2 else "es",
                    item_id=f"i{item}",
                    title=f"item {item}",
                    label="Exact" if item == 0 else "Irrelevant",
                    **scores,
                )
            )
    return rows


def two_queries() -> tuple[list[dict], list[dict]]:
    """Return six pairs of two queries, with one pair's rationales: the candidate is worse on q1, and better on q2."""
    labels = ("Exact", "Substitute", "Irrelevant")
    worse = (0.1, 0.5, 0.9)
    pairs = []
    for query_id, query, stable, candidate in (
        ("q1", "red running shoes", worse[::-1], worse),
        ("q2", "garden hose", worse, worse[::-1]),
    ):
        for number, label in enumerate(labels):
            scores = {"stable_score": stable[number], "candidate_score": candidate[number]}
            texts = {"query_id": query_id, "query": query, "item_id": f"i{number}", "title": f"{label} item"}
            pairs.append(compared_pair(**texts, label=label, **scores))
    answers = [("attributes", "Exact"), ("user_intent", "Irrelevant")]
    rationales = [
        explained_pair(item_id="i0", perspective=perspective, predicted_label=label) for perspective, label in answers
    ]
    return pairs, rationales

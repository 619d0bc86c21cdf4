"""What the candidate changes: NDCG@10 of each model, queries that gained and lost, and what is shown more often."""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from components import contracts
from components.contracts import GAINS
from components.metrics import ndcg

SHOWN = 5  # items of a query's page in the report
LISTED = 3  # queries that gained most, and that lost most
SHIFT_RATIO = 3.0  # a category shown this many times as often is worth a warning
SHIFT_MINIMUM = 10  # of at least so many top places


@dataclass(frozen=True)
class QueryChange:
    """One query's NDCG@10 before and after, and the top items of both."""

    query: str
    baseline_ndcg: float
    candidate_ndcg: float
    baseline_top: list[dict]  # title and judged label, best first
    candidate_top: list[dict]

    @property
    def change(self) -> float:
        """Return how much NDCG@10 rose."""
        return self.candidate_ndcg - self.baseline_ndcg


def compare_rankings(candidate: Path, baseline: Path, judgements: Path) -> dict:
    """Return the queries that gained and lost most, and category shifts.

    `candidate` and `baseline` are PREDICTIONS of the same pairs, `judgements` has their texts.
    """
    candidate_pages = rank_by_query(candidate)
    baseline_pages = rank_by_query(baseline)
    texts = read_texts(judgements, candidate_pages)
    changes = [
        describe_change(query_id, baseline_pages[query_id], page, texts)
        for query_id, page in candidate_pages.items()
        if query_id in baseline_pages
    ]
    changes = [change for change in changes if math.isfinite(change.change)]
    changes.sort(key=lambda change: change.change)
    top_gains = [asdict(change) for change in reversed(changes) if change.change > 0][:LISTED]
    top_losses = [asdict(change) for change in changes if change.change < 0][:LISTED]
    return {
        "queries": len(changes),
        "gained": top_gains,
        "lost": top_losses,
        "category_shifts": find_category_shifts(candidate_pages.values(), baseline_pages.values()),
    }


def mean_ndcg(predictions: Path) -> float | None:
    """Return the mean NDCG@10 of the queries that have one, or None."""
    values = [page_ndcg(page) for page in rank_by_query(predictions).values()]
    values = [value for value in values if math.isfinite(value)]
    return sum(values) / len(values) if values else None


def rank_by_query(predictions: Path) -> dict[str, list[dict]]:
    """Return each query's rows of PREDICTIONS, best score first, ties by item."""
    pages: dict[str, list[dict]] = {}
    for row in contracts.read_batches(contracts.PREDICTIONS, predictions):
        pages.setdefault(row["query_id"], []).append(row)
    for page in pages.values():
        page.sort(key=lambda row: (-row["score"], row["item_id"]))
    return pages


def page_ndcg(page: list[dict]) -> float:
    """Return NDCG@10 of one query's rows, NaN where it has none."""
    gains = np.array([GAINS[row["label"]] for row in page])
    scores = np.array([row["score"] for row in page])
    return ndcg(gains, scores)


def read_texts(judgements: Path, pages: dict[str, list[dict]]) -> dict[tuple[str, str], dict]:
    """Return query and title of each ranked pair, by query and item id."""
    return {
        (row["query_id"], row["item_id"]): {"query": row["query"], "title": row["title"]}
        for row in contracts.read_batches(contracts.JUDGEMENTS, judgements)
        if row["query_id"] in pages
    }


def describe_change(query_id: str, baseline: list[dict], candidate: list[dict], texts: dict) -> QueryChange:
    """Return one query's change with the top items of both pages."""
    first = texts.get((query_id, candidate[0]["item_id"]), {})
    return QueryChange(
        query=first.get("query", query_id),
        baseline_ndcg=page_ndcg(baseline),
        candidate_ndcg=page_ndcg(candidate),
        baseline_top=describe_top(baseline, texts),
        candidate_top=describe_top(candidate, texts),
    )


def describe_top(page: list[dict], texts: dict) -> list[dict]:
    """Return title and judged label of a page's first items."""
    return [
        {
            "title": texts.get((row["query_id"], row["item_id"]), {}).get("title", row["item_id"]),
            "label": row["label"],
        }
        for row in page[:SHOWN]
    ]


def find_category_shifts(candidate: Iterable[list[dict]], baseline: Iterable[list[dict]]) -> list[dict]:
    """Return categories that take SHIFT_RATIO times as many top places, or as few, as before."""
    after = count_top_categories(candidate)
    before = count_top_categories(baseline)
    shifts = []
    for category in sorted(after.keys() | before.keys()):
        more = max(after[category], before[category])
        fewer = max(1, min(after[category], before[category]))
        if more >= SHIFT_MINIMUM and more / fewer >= SHIFT_RATIO:
            shifts.append({"category": category, "baseline": before[category], "candidate": after[category]})
    return shifts


def count_top_categories(pages: Iterable[list[dict]]) -> Counter:
    """Count the first places of all pages by top-level category."""
    counts: Counter = Counter()
    for page in pages:
        for row in page[:SHOWN]:
            if row["category"]:
                counts[row["category"].split(">")[0].strip()] += 1
    return counts

"""The ranked page of a request: its predictions and the EXPOSURES rows of what it shows."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property

from components.scoring.scores import Scores
from serving.feature_lookup import FeatureLookup
from serving.request_log import RequestEntry
from serving.request_schemas import Ranking


@dataclass(frozen=True)
class ScoredItems:
    """A request with the features and scores of its items, in request order."""

    ranking: Ranking
    features: FeatureLookup
    scores: Scores

    @cached_property
    def categories(self) -> dict[str, str | None]:
        """Return the category of each item, by id."""
        rows = zip(self.ranking.ids, self.features.items, strict=True)
        return {item_id: row.get("category") for item_id, row in rows}


def rank(scores: Scores) -> list[int]:
    """Return the items' indices by falling score, ties in request order."""
    values = scores.scores
    return sorted(range(len(values)), key=lambda index: -values[index])


def predictions(page: ScoredItems, order: Sequence[int]) -> list[dict]:
    """Return one prediction an item, in rank order."""
    labels = page.scores.labels
    values = page.scores.scores.tolist()
    probabilities = page.scores.probabilities.tolist()
    return [
        {
            "item_id": page.ranking.ids[index],
            "label": labels[index],
            "probabilities": dict(zip(page.scores.label_names, probabilities[index], strict=True)),
            "score": values[index],
            "position": position,
            "stale": page.features.stale[index],
            "missing": page.features.missing[index],
        }
        for position, index in enumerate(order, 1)
    ]


def exposures(entry: RequestEntry, page: ScoredItems, order: Sequence[int]) -> list[dict]:
    """Return the EXPOSURES rows of what the page shows, with no draft but its kind."""
    now = datetime.now(UTC)
    ranking = page.ranking
    values = page.scores.scores.tolist()
    return [
        {
            "time": now,
            "request_id": entry.request_id,
            "experiment_id": entry.experiment_id,
            "user_hash": entry.user_hash,
            "assigned_arm": entry.assigned_arm,
            "version": entry.version,
            "query_id": ranking.query_id,
            "query": ranking.query,
            "locale": ranking.locale,
            "query_class": ranking.query_class,
            "category": page.features.items[index].get("category"),
            "item_id": ranking.ids[index],
            "position": position,
            "score": values[index],
            "stale": page.features.stale[index],
            "page_kind": entry.page_kind,
        }
        for position, index in enumerate(order[: ranking.page_length], 1)
    ]

"""Explanations in the teacher's words: for each item, the rationales nearest to its latent reasoning."""

from collections.abc import Sequence

from components.scoring.nearest_rationale import NearestRationale
from components.scoring.scorer import Scores

NEAREST = 3


class Explainer:
    """A lookup of rationales in the package's own index, without generation."""

    def __init__(self, nearest: NearestRationale):
        self.nearest = nearest

    def __call__(self, item_ids: Sequence[str], scores: Scores, features: Sequence[dict]) -> list[dict]:
        """Return one explanation an item, in order: label, score, features, nearest rationales."""
        rationales = self.nearest(scores.reasoning, NEAREST)
        rows = zip(item_ids, scores.labels, scores.scores, features, rationales, strict=True)
        return [
            {"item_id": item_id, "label": label, "score": float(score), "features": numbers, "rationales": near}
            for item_id, label, score, numbers, near in rows
        ]

"""Explanations in the teacher's words: for each item, the rationales nearest to its latent reasoning."""

from collections.abc import Sequence

from components.scoring.nearest_rationale import NearestRationale
from components.scoring.scores import Scores

NEAREST = 3


class Explainer:
    """A lookup of rationales in the package's own index, without generation."""

    def __init__(self, nearest: NearestRationale):
        self.nearest = nearest

    def __call__(self, item_ids: Sequence[str], scores: Scores, features: Sequence[dict]) -> list[dict]:
        """Return one explanation an item, in order: label, score, features, nearest rationales.

        A rationale is shown only where it argues for the predicted label. Where none is shown, `reason` says why.
        """
        rationales = self.nearest(scores.reasoning, NEAREST)
        rows = zip(item_ids, scores.labels, scores.scores, features, rationales, strict=True)
        return [
            {"item_id": item_id, "label": label, "score": float(score), "features": numbers}
            | select_rationales(near, label)
            for item_id, label, score, numbers, near in rows
        ]


def select_rationales(rationales: Sequence[dict], label: str) -> dict:
    """Return the rationales that argue for a label, and the reason why there is none."""
    matching = [rationale for rationale in rationales if rationale["predicted_label"] == label]
    reason = None
    if not rationales:
        reason = "this version has no rationales"
    elif not matching:
        others = ", ".join(sorted({rationale["predicted_label"] for rationale in rationales}))
        reason = f"the nearest rationales argue for {others}, not for {label}"
    return {"rationales": matching, "reason": reason}

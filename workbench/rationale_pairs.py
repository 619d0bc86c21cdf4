"""What the teacher said of held-out pairs: each pair's rationales by perspective, right or wrong."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from components.release_store import COMPARED_RATIONALES
from workbench.judging import read_pairs
from workbench.nights import read_table

KINDS = ("right", "wrong", "conflict")


@dataclass(frozen=True)
class ExplainedPair:
    """A pair with its texts and its rationales, by perspective and sample."""

    pair: dict
    rationales: tuple[dict, ...]

    @property
    def right(self) -> int:
        return sum(is_right(rationale) for rationale in self.rationales)

    @property
    def kind(self) -> str:
        """Return right, wrong, or conflict where only some are right."""
        if self.right == len(self.rationales):
            return "right"
        return "conflict" if self.right else "wrong"


def is_right(rationale: dict) -> bool:
    """Tell whether a rationale concludes with the judged label."""
    return rationale["predicted_label"] == rationale["label"]


@lru_cache(maxsize=2)
def explained_pairs(comparison: str) -> tuple[ExplainedPair, ...]:
    """Return a night's pairs with a rationale, in the order of query and item."""
    pairs = read_pairs(comparison)
    groups: dict[tuple[str, str], list[dict]] = {}
    for row in read_table(f"{comparison}/{COMPARED_RATIONALES}").to_pylist():
        groups.setdefault((row["query_id"], row["item_id"]), []).append(row)
    return tuple(
        ExplainedPair(pairs[key], tuple(sorted(groups[key], key=lambda row: (row["perspective"], row["sample"]))))
        for key in sorted(groups.keys() & pairs.keys())
    )


def select_pairs(pairs: Sequence[ExplainedPair], kind: str, query_id: str) -> list[ExplainedPair]:
    """Return the pairs of a kind and a query, where these are named."""
    return [pair for pair in pairs if kind in ("", pair.kind) and query_id in ("", pair.pair["query_id"])]

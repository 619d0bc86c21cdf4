"""What the teacher said of judged pairs: each pair's rationales by perspective, right or wrong."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from components.release_store import COMPARED_RATIONALES
from workbench.nights import read_table

GROUPED_BY = ("query_id", "item_id", "model_digest")
KINDS = ("right", "wrong", "conflict")


@dataclass(frozen=True)
class ExplainedPair:
    """One teacher's rationales of a pair, by perspective and sample, each with its texts."""

    rationales: tuple[dict, ...]

    @property
    def pair(self) -> dict:
        return self.rationales[0]

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
    groups: dict[tuple[str, ...], list[dict]] = {}
    for row in read_table(f"{comparison}/{COMPARED_RATIONALES}").to_pylist():
        groups.setdefault(tuple(row[name] for name in GROUPED_BY), []).append(row)
    return tuple(ExplainedPair(tuple(sorted(groups[key], key=by_perspective))) for key in sorted(groups))


@lru_cache(maxsize=2)
def describe_pairs(comparison: str) -> dict[tuple[str, str], dict]:
    """Return the texts of a night's pairs with a rationale, by query and item."""
    pairs = (each.pair for each in explained_pairs(comparison))
    return {(pair["query_id"], pair["item_id"]): pair for pair in pairs}


def by_perspective(rationale: dict) -> tuple[str, int]:
    """Return what the rationales of a pair are ordered by."""
    return rationale["perspective"], rationale["sample"]


def select_pairs(pairs: Sequence[ExplainedPair], kind: str, query_id: str) -> list[ExplainedPair]:
    """Return the pairs of a kind and a query, where these are named."""
    return [pair for pair in pairs if kind in ("", pair.kind) and query_id in ("", pair.pair["query_id"])]

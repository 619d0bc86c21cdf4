"""What the report says of rationales: accuracy by perspective, conflicts, tokens, and a few pairs side by side."""

from collections import Counter, defaultdict
from collections.abc import Sequence

from components.teacher_prompt import answer

SHOWN = 6  # pairs


class Summary:
    """Counts and examples of RATIONALES rows, added bucket by bucket."""

    def __init__(self):
        self.asked, self.right, self.totals = Counter(), Counter(), Counter()
        self.examples: list[dict] = []

    def add(self, rows: Sequence[dict], pairs: Sequence[dict]) -> None:
        """Count a bucket's rationales, and the pairs that they were asked for."""
        verdicts = defaultdict(set)
        for row in rows:
            self.asked[row["perspective"]] += 1
            self.right[row["perspective"]] += row["predicted_label"] == row["label"]
            self.totals.update({name: row[name] for name in ("tokens_in", "tokens_out")})
            verdicts[row["query_id"], row["item_id"]].add(row["predicted_label"])
        self.totals.update(pairs=len(pairs), conflict_pairs=sum(len(labels) > 1 for labels in verdicts.values()))
        self.examples += examples(rows, pairs)[: SHOWN - len(self.examples)]

    def facts(self) -> dict:
        """All of it, by name."""
        right, asked = self.right.total(), self.asked.total()
        return {
            "accuracy_by_perspective": {name: round(self.right[name] / n, 4) for name, n in sorted(self.asked.items())},
            "rationales_by_perspective": dict(self.asked),
            **{name: self.totals[name] for name in ("pairs", "conflict_pairs", "tokens_in", "tokens_out")},
            "examples": self.examples,
            "figure": f"{right / max(1, asked):.0%} right of {asked}",
        }


def examples(rows: Sequence[dict], pairs: Sequence[dict]) -> list[dict]:
    """A few pairs with what each perspective wrote of them first."""
    texts: dict[tuple, dict[str, str]] = defaultdict(dict)
    for row in rows:
        texts[row["query_id"], row["item_id"]].setdefault(row["perspective"], answer(row))
    shown = [pair for pair in pairs[:: max(1, len(pairs) // SHOWN)] if texts[pair["query_id"], pair["item_id"]]]
    return [
        {name: pair[name] for name in ("query", "title", "label")}
        | {"rationales": texts[pair["query_id"], pair["item_id"]]}
        for pair in shown[:SHOWN]
    ]

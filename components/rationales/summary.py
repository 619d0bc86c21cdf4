"""What the report says of rationales: right ones, form, agreement and repairs by perspective, tokens, a few pairs.

Everything is a count, so that the summaries of several shards add up.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import combinations

from components.teacher_prompt import answer

SHOWN = 6  # pairs


class Summary:
    """Counts by name, and examples, of RATIONALES and QUARANTINE rows, added bucket by bucket."""

    def __init__(self, counts: Iterable[Sequence] = (), examples: Iterable[dict] = ()):
        self.counts = Counter({tuple(name): count for name, count in counts})
        self.examples = list(examples)

    def add(self, rows: Sequence[dict], refused: Sequence[dict], pairs: Sequence[dict]) -> None:
        """Count a bucket's rationales and refused completions, and the pairs that they were asked for."""
        by_pair: dict[tuple, list[dict]] = defaultdict(list)
        for row in rows:
            by_pair[row["query_id"], row["item_id"]].append(row)
            self.counts["kept", row["perspective"]] += 1
            self.counts["right", row["perspective"]] += row["predicted_label"] == row["label"]
            self.counts.update({(name,): row[name] for name in ("tokens_in", "tokens_out")})
        self.counts.update(("refused", row["perspective"]) for row in refused)
        self.counts[("pairs",)] += len(pairs)
        for pair in pairs:
            self._compare(by_pair[pair["query_id"], pair["item_id"]], pair)
        self.examples += examples(by_pair, pairs)[: SHOWN - len(self.examples)]

    def _compare(self, rows: Sequence[dict], pair: dict) -> None:
        """Count whether a pair's rationales agree, and who is right where another perspective is wrong."""
        first = {row["perspective"]: row["predicted_label"] for row in rows if row["sample"] == 0}
        self.counts[("conflict_pairs",)] += len({row["predicted_label"] for row in rows}) > 1
        for one, other in combinations(sorted(first), 2):
            self.counts["both", one, other] += 1
            self.counts["agree", one, other] += first[one] == first[other]
        right = [name for name, label in first.items() if label == pair["label"]]
        if 0 < len(right) < len(first):
            mismatch = pair["mismatch"] or "none"
            self.counts["split", mismatch] += 1
            self.counts.update(("repaired", mismatch, name) for name in right)

    def merge(self, other: "Summary") -> None:
        """Take up another shard's counts and, while there is room, its examples."""
        self.counts.update(other.counts)
        self.examples += other.examples[: SHOWN - len(self.examples)]

    def state(self) -> dict:
        """All counts and examples as JSON knows them: what `Summary(**state)` is made of again."""
        return {"counts": [[list(name), count] for name, count in self.counts.items()], "examples": self.examples}

    def facts(self) -> dict:
        """What people look at, by name."""
        kept, right, refused = (self._by_perspective(name) for name in ("kept", "right", "refused"))
        said, asked = right.total(), kept.total()
        return {
            "accuracy_by_perspective": {name: round(right[name] / n, 4) for name, n in sorted(kept.items())},
            "rationales_by_perspective": dict(kept),
            "parse_rate": round(asked / max(1, asked + refused.total()), 4),
            "refused_by_perspective": dict(refused),
            "agreement": self._shares("agree", "both"),
            "split_pairs_by_mismatch": {name[1]: n for name, n in self.counts.items() if name[0] == "split"},
            "repairs": self._repairs(),
            **{name: self.counts[(name,)] for name in ("pairs", "conflict_pairs", "tokens_in", "tokens_out")},
            "conflict_rate": round(self.counts[("conflict_pairs",)] / max(1, self.counts[("pairs",)]), 4),
            "examples": self.examples,
            "figure": f"{said / max(1, asked):.0%} right of {asked}",
        }

    def _by_perspective(self, what: str) -> Counter:
        return Counter({name[1]: count for name, count in self.counts.items() if name[0] == what})

    def _shares(self, part: str, whole: str) -> dict[str, dict[str, float]]:
        found: dict[str, dict[str, float]] = defaultdict(dict)
        for name, count in sorted(self.counts.items()):
            if name[0] == whole:
                found[name[1]][name[2]] = round(self.counts[part, *name[1:]] / count, 4)
        return dict(found)

    def _repairs(self) -> dict[str, dict[str, float]]:
        """By mismatch and perspective, how often it was right where the perspectives were split over a pair."""
        found: dict[str, dict[str, float]] = defaultdict(dict)
        for name, count in sorted(self.counts.items()):
            if name[0] == "repaired":
                found[name[1]][name[2]] = round(count / self.counts["split", name[1]], 4)
        return dict(found)


def examples(by_pair: dict[tuple, list[dict]], pairs: Sequence[dict]) -> list[dict]:
    """A few pairs with what each perspective wrote of them first."""
    told = [pair for pair in pairs if by_pair[pair["query_id"], pair["item_id"]]]
    shown = []
    for pair in told[:: max(1, len(told) // SHOWN)][:SHOWN]:
        texts: dict[str, str] = {}
        for row in by_pair[pair["query_id"], pair["item_id"]]:
            texts.setdefault(row["perspective"], answer(row))
        shown.append({name: pair[name] for name in ("query", "title", "label")} | {"rationales": texts})
    return shown

"""Counts over rationales for the report: right ones, form, agreement, repairs, tokens, and a few pairs.

Everything is a count, so that the summaries of several shards add up.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import combinations

from components.teacher_prompt import answer

EXAMPLES = 6  # pairs
TOTALS = ("pairs", "unjudged_pairs", "conflict_pairs", "tokens_in", "tokens_out")


class Summary:
    """Counts by name, and examples, of RATIONALES and QUARANTINE rows, added bucket by bucket."""

    def __init__(self, counts: Iterable[Sequence] = (), examples: Iterable[dict] = ()):
        self.counts = Counter({tuple(name): count for name, count in counts})
        self.examples = list(examples)

    def add(self, rationales: Sequence[dict], quarantine: Sequence[dict], pairs: Sequence[dict]) -> None:
        """Count a bucket's rationales, quarantined answers and pairs."""
        by_pair: dict[tuple, list[dict]] = defaultdict(list)
        for row in rationales:
            by_pair[row["query_id"], row["item_id"]].append(row)
            self.counts["kept", row["perspective"]] += 1
            self.counts["of judged", row["perspective"]] += row["label"] is not None
            self.counts["right", row["perspective"]] += row["predicted_label"] == row["label"]
            self.counts.update({(name,): row[name] for name in ("tokens_in", "tokens_out")})
        self.counts.update(("quarantined", row["perspective"]) for row in quarantine)
        self.counts[("pairs",)] += len(pairs)
        self.counts[("unjudged_pairs",)] += sum(pair["label"] is None for pair in pairs)
        for pair in pairs:
            self._compare(by_pair[pair["query_id"], pair["item_id"]], pair)
        self.examples += examples(by_pair, pairs)[: EXAMPLES - len(self.examples)]

    def _compare(self, rows: Sequence[dict], pair: dict) -> None:
        """Count whether a pair's rationales agree, and who is right where another perspective is wrong."""
        first = {row["perspective"]: row["predicted_label"] for row in rows if row["sample"] == 0}
        self.counts[("conflict_pairs",)] += len({row["predicted_label"] for row in rows}) > 1
        for perspective, other in combinations(sorted(first), 2):
            self.counts["both", perspective, other] += 1
            self.counts["agree", perspective, other] += first[perspective] == first[other]
        right = [name for name, label in first.items() if label == pair["label"]]
        if 0 < len(right) < len(first):
            mismatch = pair["mismatch"] or "none"
            self.counts["split", mismatch] += 1
            self.counts.update(("repaired", mismatch, name) for name in right)

    def merge(self, other: "Summary") -> None:
        """Take up another shard's counts and, while there is room, its examples."""
        self.counts.update(other.counts)
        self.examples += other.examples[: EXAMPLES - len(self.examples)]

    def state(self) -> dict:
        """Return counts and examples as JSON values, which `Summary(**state)` reads."""
        return {"counts": [[list(name), count] for name, count in self.counts.items()], "examples": self.examples}

    def details(self) -> dict:
        """Return the report's figures by name."""
        kept_counts, right_counts, quarantine_counts = map(self._by_perspective, ("kept", "right", "quarantined"))
        judged_counts = self._by_perspective("of judged")
        answers = kept_counts.total() + quarantine_counts.total()
        return {
            "accuracy_by_perspective": {
                name: round(right_counts[name] / count, 4) for name, count in sorted(judged_counts.items()) if count
            },
            "rationales_by_perspective": dict(kept_counts),
            "parse_rate": round(kept_counts.total() / max(1, answers), 4),
            "quarantined_by_perspective": dict(quarantine_counts),
            "agreement": self._shares("both", lambda name: self.counts["agree", *name[1:]] / self.counts[name]),
            "split_pairs_by_mismatch": {name[1]: count for name, count in self.counts.items() if name[0] == "split"},
            "repairs": self._shares("repaired", lambda name: self.counts[name] / self.counts["split", name[1]]),
            **{name: self.counts[(name,)] for name in TOTALS},
            "conflict_rate": round(self.counts[("conflict_pairs",)] / max(1, self.counts[("pairs",)]), 4),
            "examples": self.examples,
        }

    def headline(self) -> str:
        """Return the share of right rationales, and the number of unjudged ones."""
        total = self._by_perspective("of judged").total()
        others = self._by_perspective("kept").total() - total
        parts = [f"{self._by_perspective('right').total() / total:.0%} right of {total}"] if total else []
        parts += [f"{others} of unjudged pairs"] if others else []
        return ", ".join(parts) or "none"

    def _by_perspective(self, kind: str) -> Counter:
        return Counter({name[1]: count for name, count in self.counts.items() if name[0] == kind})

    def _shares(self, kind: str, share) -> dict[str, dict[str, float]]:
        """Return the share of every count of a kind, by its second and third name."""
        shares: dict[str, dict[str, float]] = defaultdict(dict)
        for name in sorted(name for name in self.counts if name[0] == kind):
            shares[name[1]][name[2]] = round(share(name), 4)
        return dict(shares)


def examples(by_pair: dict[tuple, list[dict]], pairs: Sequence[dict]) -> list[dict]:
    """Return a few judged pairs with the first answer of each perspective."""
    answered_pairs = [pair for pair in pairs if pair["label"] and by_pair[pair["query_id"], pair["item_id"]]]
    step = max(1, len(answered_pairs) // EXAMPLES)
    return [example(pair, by_pair[pair["query_id"], pair["item_id"]]) for pair in answered_pairs[::step][:EXAMPLES]]


def example(pair: dict, rationales: Sequence[dict]) -> dict:
    """Return a pair with the first answer of each perspective."""
    texts: dict[str, str] = {}
    for row in rationales:
        texts.setdefault(row["perspective"], answer(row))
    return {name: pair[name] for name in ("query", "title", "label")} | {"rationales": texts}

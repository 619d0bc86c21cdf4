"""What the report says of rationales: accuracy by perspective, conflicts, tokens, and a few pairs side by side."""

from collections import Counter, defaultdict
from collections.abc import Sequence

from components.teacher_prompt import answer

SHOWN = 6  # pairs


def summary(rows: Sequence[dict], pairs: Sequence[dict]) -> dict:
    """Counts and examples of RATIONALES rows, and of the pairs they were asked for."""
    right, asked, verdicts = Counter(), Counter(), defaultdict(set)
    for row in rows:
        asked[row["perspective"]] += 1
        right[row["perspective"]] += row["predicted_label"] == row["label"]
        verdicts[row["query_id"], row["item_id"]].add(row["predicted_label"])
    return {
        "accuracy_by_perspective": {name: round(right[name] / asked[name], 4) for name in sorted(asked)},
        "rationales_by_perspective": dict(asked),
        "conflict_pairs": sum(len(labels) > 1 for labels in verdicts.values()),
        "tokens_in": sum(row["tokens_in"] for row in rows),
        "tokens_out": sum(row["tokens_out"] for row in rows),
        "examples": examples(rows, pairs),
        "figure": f"{sum(right.values()) / max(1, len(rows)):.0%} right of {len(rows)}",
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

"""Sentences about labels that are none of ours, and about labels that nobody gave."""

from collections import Counter
from collections.abc import Iterable

from components import contracts
from components.judgements.labels import PRESETS, fold, parse_labels, to_rating


def suggest_option(unknown_values: Iterable[str]) -> str:
    """Return a --labels option that could fit values which are no label of ours."""
    values = list(unknown_values)
    ratings = [to_rating(value) for value in values]
    if values and None not in ratings:
        return f"--labels {_suggest_preset(ratings)}"
    for name in ("binary", "exact-partial-irrelevant"):
        if {fold(value) for value in values} <= parse_labels(name).values.keys():
            return f"--labels {name}"
    return '--labels "' + ",".join(f"{value}=LABEL" for value in values[:4]) + '"'


def _suggest_preset(ratings: list[float]) -> str:
    whole = all(rating.is_integer() for rating in ratings)
    low = min(ratings)
    high = max(ratings)
    if low >= 0 and high <= 1:
        return "binary" if whole else "0-1"
    for name, (lowest, highest) in {"1-3": (1, 3), "0-3": (0, 3), "0-4": (0, 4), "1-5": (1, 5)}.items():
        if lowest <= low and high <= highest:
            return name
    return f'">={high:g}=Exact,<{high:g}=Irrelevant"'


def describe_unknown(counts: Counter, name: str) -> str:
    """Return a sentence with the commonest unknown labels and the option to give."""
    examples = ", ".join(f"{value!r} ({count:,} rows)" for value, count in counts.most_common(6))
    more = ", ..." if len(counts) > 6 else ""
    ours = ", ".join(f"{label} ({label[0]})" for label in contracts.LABELS)
    return (
        f"{name}: {counts.total():,} rows have labels that are none of {ours}: {examples}{more}. "
        f"Say what they mean, for example {suggest_option(counts)}; scales with a name: {', '.join(PRESETS)}"
    )


def describe_absent(labels: Iterable[str], name: str) -> str:
    """Return a sentence that names the labels nobody gave, "" where all occur."""
    present = set(labels)
    absent = [label for label in contracts.LABELS if label not in present]
    if not absent:
        return ""
    return (
        f"{name} holds {len(contracts.LABELS) - len(absent)} of the {len(contracts.LABELS)} labels: "
        f"nobody gave {', '.join(absent)}, so the model cannot learn to say so"
    )

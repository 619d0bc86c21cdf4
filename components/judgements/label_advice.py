"""Sentences about labels that are none of ours, and about labels that nobody gave."""

from collections import Counter
from collections.abc import Iterable

from components import contracts
from components.judgements.labels import PRESETS, fold, parse_labels, to_rating

MOST_ENTRIES = 6  # of a suggested option; ranges are shorter for more values


def suggest_option(unknown_values: Iterable[str]) -> str:
    """Return a --labels option that could fit values which are no label of ours."""
    values = list(unknown_values)
    ratings = [to_rating(value) for value in values]
    if values and None not in ratings:
        return f"--labels {_suggest_scale(sorted(set(ratings), reverse=True))}"
    for name in ("binary", "exact-partial-irrelevant"):
        if {fold(value) for value in values} <= parse_labels(name).values.keys():
            return f"--labels {name}"
    return '--labels "' + ",".join(f"{value}=LABEL" for value in values[:4]) + '"'


def _suggest_scale(ratings: list[float]) -> str:
    """Return a preset, an entry for each of a few ratings, or ranges."""
    whole = all(rating.is_integer() for rating in ratings)
    low = ratings[-1]
    high = ratings[0]
    if low >= 0 and high <= 1:
        return "binary" if whole else "0-1"
    for name, (lowest, highest) in {"1-3": (1, 3), "0-3": (0, 3), "0-4": (0, 4), "1-5": (1, 5)}.items():
        if lowest <= low and high <= highest:
            return name
    if len(ratings) > MOST_ENTRIES:
        exact = low + 0.75 * (high - low)  # as the preset 0-1
        substitute = low + 0.4 * (high - low)
        return f'">={exact:g}=Exact,>={substitute:g}=Substitute,<{substitute:g}=Irrelevant"'
    labels = ["Exact", *["Substitute"] * (len(ratings) - 2), "Irrelevant"]
    entries = [f"{rating:g}={label}" for rating, label in zip(ratings, labels, strict=False)]
    return f'"{",".join(entries)}"'


def describe_unknown(counts: Counter, name: str, option: str = "") -> str:
    """Return a sentence with the commonest unknown labels and the option to give.

    `option` is the --labels of the run.
    """
    examples = ", ".join(f"{value!r} ({count:,} rows)" for value, count in counts.most_common(6))
    more = ", ..." if len(counts) > 6 else ""
    ours = ", ".join(f"{label} ({label[0]})" for label in contracts.LABELS)
    if option:
        scale = f"not in --labels {option}"
        return (
            f"{name}: {counts.total():,} rows have labels that are {scale}: {examples}{more}. {_amend(option, counts)}"
        )
    return (
        f"{name}: {counts.total():,} rows have labels that are none of {ours}: {examples}{more}. "
        f"Say what they mean, for example {suggest_option(counts)}; scales with a name: {', '.join(PRESETS)}"
    )


def _amend(option: str, counts: Counter) -> str:
    """Return how to change an option so that it has unknown labels too."""
    if fold(option) in PRESETS:
        return f"Name another scale ({', '.join(PRESETS)}), or write VALUE=LABEL for each value"
    entries = ",".join(f"{_entry_value(value)}=LABEL" for value, _ in counts.most_common(4))
    return f'Add {entries}, as --labels "{option},{entries}", LABEL being one of {", ".join(contracts.LABELS)}'


def _entry_value(value: str) -> str:
    rating = to_rating(value)
    return value if rating is None else f"{rating:g}"  # without a decimal comma


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

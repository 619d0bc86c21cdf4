"""What a person should know of a source before anything is trained."""

from collections import Counter

from components.judgements.collection import Collection
from components.judgements.label_advice import describe_absent, describe_unknown

KINDS_WITH_OWN_WARNING = ("unknown label", "one of several ratings", "raters are divided")
FEW_VALID_QUERIES = 30  # the gate can hardly tell two models apart


def warn(collection: Collection) -> None:
    """Add what a person should know before anything is trained."""
    if collection.unknown_labels:
        collection.warnings.append(describe_unknown(collection.unknown_labels, collection.name))
    absent = describe_absent((row["label"] for row in collection.judgements), collection.name)
    if absent:
        collection.warnings.append(absent)
    collection.warnings += describe_quarantine(collection)
    for name, count in collection.unreadable_fields.most_common():
        collection.warnings.append(f"{collection.name}: {name} cannot be read in {count:,} rows, which stay without it")
    if collection.raters:
        collection.warnings.append(describe_raters(collection))
    valid = collection.count_queries("valid")
    if valid < FEW_VALID_QUERIES:
        collection.warnings.append(
            f"{collection.name} has {valid} queries in the valid split: a difference between two models is hard to "
            f"tell below {FEW_VALID_QUERIES}"
        )


def describe_quarantine(collection: Collection) -> list[str]:
    """Return a sentence with an example for each kind of quarantined rows."""
    kinds = Counter(row["reason"].split(":")[0] for row in collection.quarantine)
    examples = {row["reason"].split(":")[0]: row for row in reversed(collection.quarantine)}
    return [
        f"{collection.name}: {count:,} of {collection.total:,} rows are quarantined, as line {examples[kind]['line']}: "
        f"{examples[kind]['reason']}"
        for kind, count in kinds.most_common()
        if kind not in KINDS_WITH_OWN_WARNING
    ]


def describe_nothing(collection: Collection) -> str:
    """Return a sentence about a source without a usable judgement."""
    sentence = f"{collection.name} holds no usable judgement among {collection.total} rows"
    if collection.quarantine:
        first = collection.quarantine[0]
        sentence += f"; the first: line {first['line']}, {first['reason']}"
    if collection.unknown_labels:
        sentence += f". {describe_unknown(collection.unknown_labels, collection.name)}"
    return sentence


def describe_raters(collection: Collection) -> str:
    """Return a sentence about raters and their agreement."""
    raters = collection.raters
    alpha = "" if raters["alpha"] is None else f"; Krippendorff's alpha is {raters['alpha']:.2f}"
    return (
        f"{collection.name}: {raters['pairs']:,} pairs have several ratings, of which raters dispute "
        f"{raters['disputed_pairs']:,} and are divided on {raters['divided_pairs']:,}, which are set aside{alpha}"
    )

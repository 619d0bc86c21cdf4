"""What a person should know of a source before anything is trained."""

from collections import Counter

from components import contracts
from components.judgements.collection import Collection
from components.judgements.label_advice import describe_absent, describe_unknown

KINDS_WITH_OWN_WARNING = ("unknown label", "raters are divided")
FEW_VALID_QUERIES = 30  # the gate can hardly tell two models apart
REMEDIES = {
    "broken quoting": "double a quotation mark inside a quoted field",
    "wrong number of fields": "put a field that holds a separator in quotation marks",
    "not JSON": "write one JSON object a line",
    "not a JSON object": "write one JSON object a line",
    "not UTF-8": "save the file as UTF-8",
    "empty query": "fill in the query of every row, or name its column with --columns query=ITS_NAME",
    "empty title": "fill in the title of every row, or name its column with --columns title=ITS_NAME",
    "wrong type": "write query and title as texts",
    "too long": "shorten query and title",
    "not in the catalogue": "add the items to the catalogue, or leave these rows out",
    "not among the queries": "add the queries' texts to queries.tsv, or leave these rows out",
    "unknown id": "take all three files from one release",
    "unknown rating": "write finite numbers as ratings",
    "unrated": "label these rows, or leave them out",
    "unknown label": "say what the labels mean with --labels",
    "unknown split": "write train, valid or test, or leave the split empty",
    "query id conflict": "give each query text an id of its own, or leave out the column query_id",
    "split leak": "give all rows of a query the same split",
    "raters are divided": "let one more person rate these pairs",
}


def warn(collection: Collection) -> None:
    """Add what a person should know before anything is trained."""
    if collection.unknown_labels:
        collection.warnings.append(
            describe_unknown(collection.unknown_labels, collection.name, collection.labels_option)
        )
    absent = describe_absent((row["label"] for row in collection.judgements), collection.name)
    if absent:
        collection.warnings.append(absent)
    collection.warnings += describe_quarantine(collection)
    for name, count in collection.unreadable_fields.most_common():
        collection.warnings.append(f"{collection.name}: {name} cannot be read in {count:,} rows, which stay without it")
    if collection.unknown_classes:
        collection.warnings.append(describe_classes(collection))
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
    return [describe_kind(collection, kind) for kind, _ in kinds.most_common() if kind not in KINDS_WITH_OWN_WARNING]


def describe_kind(collection: Collection, kind: str) -> str:
    """Return a sentence with count and first row of a kind of quarantined rows."""
    rows = [row for row in collection.quarantine if row["reason"].split(":")[0] == kind]
    count = f"{len(rows):,} of {collection.total:,} rows are quarantined"
    return f"{collection.name}: {count}, as line {rows[0]['line']}: {rows[0]['reason']}"


def describe_classes(collection: Collection) -> str:
    """Return a sentence about query classes that are none of ours."""
    value, count = collection.unknown_classes.most_common(1)[0]
    return (
        f"{collection.name}: {collection.unknown_classes.total():,} rows have a query_class that is none of "
        f"{', '.join(contracts.QUERY_CLASSES)}, as {value!r} ({count:,} rows): it is replaced by how much was judged "
        "for the query"
    )


def describe_nothing(collection: Collection) -> str:
    """Return a sentence about a source without a usable judgement."""
    if not collection.total:
        return f"{collection.name} has no rows: write one row a pair, with query, title and label"
    first = next(row for row in collection.quarantine if not row["reason"].startswith("duplicate"))
    kind = first["reason"].split(":")[0]
    sentence = f"{collection.name} holds no usable judgement among {collection.total} rows; the first: line "
    if not collection.unknown_labels:
        return f"{sentence}{first['line']}, {first['reason']}. Remedy: {REMEDIES[kind]}"
    reason = kind if kind == "unknown label" else first["reason"]  # the next sentence has the labels
    unknown = describe_unknown(collection.unknown_labels, collection.name, collection.labels_option)
    return f"{sentence}{first['line']}, {reason}. {unknown}"


def describe_raters(collection: Collection) -> str:
    """Return a sentence about raters and their agreement."""
    raters = collection.raters
    alpha = "" if raters["alpha"] is None else f"; Krippendorff's alpha is {raters['alpha']:.2f}"
    return (
        f"{collection.name}: {raters['pairs']:,} pairs have several ratings: raters disagree on "
        f"{raters['disputed_pairs']:,}; {raters['divided_pairs']:,} have no majority and are quarantined{alpha}"
    )

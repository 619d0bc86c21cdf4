"""Why a run with a source would be in vain, with the remedy."""

from collections import Counter

from components.judgements.advice import REMEDIES, describe_kind
from components.judgements.collection import Collection
from components.judgements.label_advice import describe_unknown
from components.judgements.queries import MINIMUM_VALID_QUERIES

MOST_UNKNOWN_LABELS = 0.01  # of a source's rows
MOST_QUARANTINED = 0.5  # of a source's rows; copies do not count
MINIMUM_QUERIES = 10  # in train and valid together


def find_problem(collection: Collection) -> str:
    """Return why a run would be in vain, "" if it would not."""
    if collection.unknown_labels.total() > MOST_UNKNOWN_LABELS * collection.total:
        return describe_unknown(collection.unknown_labels, collection.name, collection.labels_option)
    return find_lost_rows(collection) or find_few_queries(collection) or find_single_label(collection)


def find_lost_rows(collection: Collection) -> str:
    """Return a sentence with the largest reason where most rows are quarantined."""
    kinds = Counter(row["reason"].split(":")[0] for row in collection.quarantine)
    del kinds["duplicate"]
    if kinds.total() <= MOST_QUARANTINED * collection.total:
        return ""
    kind = kinds.most_common(1)[0][0]
    share = f"Quarantined are {kinds.total():,} of {collection.total:,} in all, more than half"
    return f"{describe_kind(collection, kind)}. {share}: {REMEDIES[kind]}"


def find_few_queries(collection: Collection) -> str:
    """Return a sentence about too few queries to train, or to compare models."""
    train = collection.count_queries("train")
    valid = collection.count_queries("valid")
    counts = f"{collection.name} has {train} train and {valid} valid queries"
    if train + valid >= MINIMUM_QUERIES and not train:
        return f"{counts}: a model learns from train. Give most queries `train` in the column split, or leave it out"
    if train + valid < MINIMUM_QUERIES or not valid:
        return (
            f"{counts}, which are too few to train and compare models: judge at least {MINIMUM_QUERIES} different "
            "query texts"
        )
    if valid < MINIMUM_VALID_QUERIES:
        return (
            f"{counts}: models are compared on at least {MINIMUM_VALID_QUERIES} valid queries. Judge more query texts, "
            f"or give the rows of {MINIMUM_VALID_QUERIES} queries `valid` in the column split"
        )
    return ""


def find_single_label(collection: Collection) -> str:
    """Return a sentence where the train split has a single label."""
    labels = {row["label"] for row in collection.judgements if row["split"] == "train"}
    if len(labels) > 1:
        return ""
    return (
        f"{collection.name} has one label in its train split, {min(labels)}: a model learns nothing from it. "
        "Add pairs of another label, for example items that do not answer their query as Irrelevant"
    )

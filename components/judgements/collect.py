"""Judgements from the rows of a source, in memory."""

import gc
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

from components.agreement import measure_agreement
from components.judgements.advice import describe_nothing, warn
from components.judgements.collection import Collection
from components.judgements.config import PrepareConfig
from components.judgements.labels import LabelScale, parse_labels
from components.judgements.queries import sort_by_hash
from components.judgements.raters import PairRatings, Rating, combine_ratings
from components.judgements.readers import Source
from components.judgements.row_checks import check_rows
from components.judgements.splits import identify_queries, settle_splits


def collect(source: Source, config: PrepareConfig) -> Collection:
    """Check, identify, split and combine the rows of a source.

    Raises:
        ValueError: the configuration cannot be read, or no row is good.
    """
    config.check()
    labels = config.labels or source.scale
    scale = parse_labels(labels)
    collection = Collection(source.name, labels, warnings=list(source.notes))
    with pause_garbage_collector():
        rows = check_rows(source.rows, scale, collection)
        rows = identify_queries(rows, collection)
        rows = settle_splits(rows, config, collection)
        collection.judgements = combine_pairs(rows, scale, collection)
    if not collection.judgements:
        raise ValueError(describe_nothing(collection))
    fill_classes(collection.judgements)
    sample_queries(collection, config.max_queries)
    warn(collection)
    return collection


@contextmanager
def pause_garbage_collector() -> Iterator[None]:
    """Pause the garbage collector, which finds nothing in rows and takes long."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def combine_pairs(rows: list[Rating], scale: LabelScale, collection: Collection) -> list[dict]:
    """Return one judgement a pair, and quarantine copies and pairs without a majority."""
    groups: dict[tuple[str, str], list[Rating]] = defaultdict(list)
    for row in rows:
        groups[row.pair].append(row)
    pairs = [combine_ratings(group, scale) for group in groups.values()]
    judgements = []
    for pair in pairs:
        set_ratings_aside(pair, collection)
        if pair.label:
            collection.merged_ratings += len(pair.ratings) - 1
            judgements.append(pair.ratings[0].fields | {"label": pair.label})
    collection.raters = summarise_raters(pairs, scale)
    return judgements


def set_ratings_aside(pair: PairRatings, collection: Collection) -> None:
    """Quarantine copies, and all ratings where the raters are divided."""
    first = pair.ratings[0]
    for row in pair.copies:
        collection.set_aside(row.line, f"duplicate: {first.file}:{first.line} has it", row.source_row)
    if pair.label is None:
        for row in pair.ratings:
            collection.set_aside(row.line, f"raters are divided: {pair.describe()}", row.source_row)


def summarise_raters(pairs: list[PairRatings], scale: LabelScale) -> dict:
    """Count pairs with several ratings and their disputes, and measure agreement.

    Returns {} where no pair was rated twice.
    """
    several = [pair for pair in pairs if len(pair.ratings) > 1]
    if not several:
        return {}
    ratings = [rating for pair in several for rating in pair.ratings]
    is_ordinal = scale.is_graded and all(isinstance(rating.value, float) for rating in ratings)
    values = {pair.ratings[0].pair: _list_values(pair.ratings, is_ordinal) for pair in several}
    distinct_values = sorted(set(_list_values(ratings, is_ordinal)))
    return measure_agreement(values, distinct_values, is_ordinal) | {
        "disputed_pairs": sum(pair.is_disputed for pair in several),
        "divided_pairs": sum(pair.label is None for pair in several),
    }


def _list_values(ratings: list[Rating], is_ordinal: bool) -> list[float | str]:
    return [rating.value if is_ordinal else rating.label for rating in ratings]


def fill_classes(rows: list[dict]) -> None:
    """Fill in missing query classes by how much was judged for each query."""
    counts = Counter(row["query_id"] for row in rows)
    names = sorted(counts, key=lambda name: (-counts[name], name))
    ranks = {name: index / len(names) for index, name in enumerate(names)}
    for row in rows:
        if row["query_class"] is None:
            rank = ranks[row["query_id"]]
            row["query_class"] = "head" if rank < 0.1 else "torso" if rank < 0.5 else "tail"


def sample_queries(collection: Collection, max_queries: int) -> None:
    """Keep the rows of at most `max_queries` queries, which their ids decide."""
    if not max_queries:
        return
    query_ids = {row["query_id"] for row in collection.judgements}
    sample = set(sort_by_hash(query_ids, "sample")[:max_queries])
    rows = [row for row in collection.judgements if row["query_id"] in sample]
    collection.sampled_out = len(collection.judgements) - len(rows)
    collection.judgements = rows

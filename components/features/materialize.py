"""The Parquet files of a folder -> Feast's registry and online store in the same folder, and the training set.

All in one process: each call of Feast's command line would import Feast anew, which takes longer than the work.
"""

from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pyarrow as pa
from feast import FeatureStore, FeatureView

from components import contracts, cross_features
from components.features.build import source
from feature_repo.features import item, query, views
from feature_repo.store import open_store

START = datetime(1970, 1, 1, tzinfo=UTC)
REFERENCES = (
    "item_text:brand",
    "item_text:category",
    *(f"item_statistics:{name}" for name in cross_features.ITEM_FEATURES),
    *(f"query_statistics:{name}" for name in cross_features.QUERY_FEATURES),
    "query_statistics:query_category",
    "query_statistics:query_median_price",
)


def materialize(folder: str | Path, as_of: datetime) -> dict:
    """Register the views and bring the online store from where it ended up to `as_of`; returns what was done.

    Texts that came late, with a time before that end, are not lost: they change the digest of what was known then, and
    a changed digest writes all texts again. An `as_of` that was reached before writes nothing.

    Raises:
        ValueError: an item or query of the files cannot be read online afterwards.
    """
    store, folder = open_store(folder), Path(folder).resolve()
    before = {view.name: view for view in store.list_feature_views()}
    ends = {name: view.most_recent_end_time for name, view in before.items()}
    late = _late(before.get("item_text"), folder)
    store.apply([item, query, *views(folder, digest(folder, as_of))])
    written = {}
    for view in store.list_feature_views():
        start = None if view.name == "item_text" and late else ends.get(view.name)
        start = start or START
        if start < as_of:
            store.materialize(start_date=start, end_date=as_of, feature_views=[view.name])
        written[view.name] = _between(folder / f"{view.name}.parquet", start, as_of)
        _readable(store, view, folder)
    return {"views": sorted(written), "materialised": written, "texts_came_late": late}


def _late(known: FeatureView | None, folder: Path) -> bool:
    """Whether the texts of before the last end are others than those that were known then."""
    if known is None or known.most_recent_end_time is None:
        return False
    return known.tags.get("digest") != digest(folder, known.most_recent_end_time)


def digest(folder: Path, until: datetime) -> str:
    """A number that stands for all texts up to a moment, in whatever order the file has them."""
    texts = f"(from {source([folder / 'item_text.parquet'])} where time <= ?)"
    with duckdb.connect() as database:
        return str(database.execute(f"select bit_xor(hash(t)) from {texts} t", [until]).fetchone()[0])


def _between(path: Path, start: datetime, end: datetime) -> int:
    counted = f"select count(*) from {source([path])} where time >= ? and time <= ?"
    with duckdb.connect() as database:
        return database.execute(counted, [start, end]).fetchone()[0] if start < end else 0


def _readable(store: FeatureStore, view: FeatureView, folder: Path) -> None:
    """See that the first and the last key of a file are found online."""
    key = view.join_keys[0]
    with duckdb.connect() as database:
        ends = f"select min({key}), max({key}) from {source([folder / f'{view.name}.parquet'])}"
        keys = [name for name in database.execute(ends).fetchone() if name]
    if not keys:
        return
    names = [f"{view.name}:{field.name}" for field in view.features]
    found = store.get_online_features(names, [{key: name} for name in keys]).to_dict(include_event_timestamps=True)
    for place, name in enumerate(keys):
        if not any(found[f"{field.name}__ts"][place] for field in view.features):
            raise ValueError(f"{view.name}: {key} {name!r} was materialised and cannot be read online")


def training_set(judgements: str | Path, folder: str | Path, as_of: datetime, out: str | Path) -> int:
    """Write every judgement with its numbers as they were at `as_of`; returns the number of rows.

    Raises:
        ValueError: the join returned another number of rows than it was given.
    """
    joined = historical(judgements, folder, as_of)
    known = (row for batch in joined.to_batches(contracts.BATCH_ROWS) for row in batch.to_pylist())
    rows = (
        {**judgement, **cross_features.compute_features({**stored, "query": judgement["query"]}, stored)}
        for judgement, stored in zip(contracts.read_batches(contracts.JUDGEMENTS, judgements), known, strict=True)
    )
    return contracts.write_batches(rows, contracts.TRAINING_SET, out)


def historical(judgements: str | Path, folder: str | Path, as_of: datetime) -> pa.Table:
    """What Feast knew at `as_of` of each judgement's query and item, one row a judgement, in their order."""
    pairs = [(row["query_id"], row["item_id"]) for row in contracts.read_batches(contracts.JUDGEMENTS, judgements)]
    entities = pa.table(
        {
            "query_id": pa.array([query_id for query_id, _ in pairs], pa.string()),
            "item_id": pa.array([item_id for _, item_id in pairs], pa.string()),
            "event_timestamp": pa.array([as_of] * len(pairs), pa.timestamp("us", tz="UTC")),
            "row": pa.array(range(len(pairs)), pa.int64()),
        }
    )
    asked = open_store(folder).get_historical_features(entities.to_pandas(), list(REFERENCES))
    joined = asked.to_arrow().sort_by("row")
    if joined["row"].to_pylist() != list(range(len(pairs))):
        raise ValueError(f"the join of {len(pairs)} judgements with their features returned {joined.num_rows} rows")
    return joined

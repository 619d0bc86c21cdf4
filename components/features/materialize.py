"""Feast's registry and online store of a folder of Parquet files, and the training set that is joined from it.

All in one process: each call of Feast's command line would import Feast anew, which takes longer than the work.
"""

from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pyarrow as pa
from feast import FeatureStore, FeatureView

from components import contracts, cross_features
from components.features.build import parquet_sql
from components.features.training_set import write_joined
from components.item_keys import item_key
from feature_repo.features import build_views, item, query
from feature_repo.store import open_store

START = datetime(1970, 1, 1, tzinfo=UTC)
SAMPLE = 200  # keys that are read back, so that a store that lost a part of its rows is noticed
REFERENCES = (
    "item_text:brand",
    "item_text:category",
    *(f"item_statistics:{name}" for name in cross_features.ITEM_FEATURES),
    *(f"query_statistics:{name}" for name in cross_features.QUERY_FEATURES),
    "query_statistics:query_category",
    "query_statistics:query_median_price",
)


def materialize(folder: str | Path, as_of: datetime) -> dict:
    """Register the views and bring the online store to `as_of`, and return counts.

    Texts that came late or were corrected, with a time before the store's end, change the digest of the texts known
    then. A changed digest writes all texts again, and so does a new feature. An `as_of` that was reached before writes
    nothing. A view of which the store has lost rows (it was restarted without its disk, or flushed) is written again.

    Raises:
        ValueError: an item or query of the files cannot be read online afterwards.
    """
    store = open_store(folder)
    folder = Path(folder).resolve()
    earlier_views = {view.name: view for view in store.list_feature_views()}
    has_late_texts = _has_late_texts(earlier_views.get("item_text"), folder)
    store.apply([item, query, *build_views(folder, digest_texts(folder, as_of))])
    row_counts = {}
    refilled_views = []
    for view in store.list_feature_views():
        earlier_view = earlier_views.get(view.name)
        has_late_rows = has_late_texts and view.name == "item_text"
        start = _start_time(earlier_view, has_late_rows or _has_new_features(view, earlier_view))
        if start < as_of:
            store.materialize(start_date=start, end_date=as_of, feature_views=[view.name])
        missing_key = _find_missing_key(store, view, folder)
        if missing_key and start > START:
            refilled_views.append(view.name)  # the store lost what the registry says is there
            start = START
            store.materialize(start_date=start, end_date=as_of, feature_views=[view.name])
            missing_key = _find_missing_key(store, view, folder)
        if missing_key:
            key = f"{view.join_keys[0]} {missing_key!r}"
            raise ValueError(f"{view.name}: {key} was materialised and cannot be read online")
        row_counts[view.name] = _count_between(folder / f"{view.name}.parquet", start, as_of)
    details = {"views": sorted(row_counts), "materialised": row_counts, "texts_came_late": has_late_texts}
    return details | {"refilled_views": refilled_views}


def _start_time(earlier_view: FeatureView | None, is_rewritten: bool) -> datetime:
    """Return from when a view's rows are written."""
    end = None if earlier_view is None or is_rewritten else earlier_view.most_recent_end_time
    return end or START


def _has_new_features(view: FeatureView, earlier_view: FeatureView | None) -> bool:
    """Return True if the view has a feature that its stored rows lack."""
    names = {field.name for field in view.features}
    return earlier_view is not None and not names <= {field.name for field in earlier_view.features}


def _has_late_texts(view: FeatureView | None, folder: Path) -> bool:
    """Return True if the texts of before the view's end changed since they were written."""
    if view is None or view.most_recent_end_time is None:
        return False
    return view.tags.get("digest") != digest_texts(folder, view.most_recent_end_time)


def digest_texts(folder: Path, until: datetime) -> str:
    """Return a number that stands for all texts up to a moment, in any order."""
    texts = f"(from {parquet_sql([folder / 'item_text.parquet'])} where time <= ?)"
    with duckdb.connect() as database:
        return str(database.execute(f"select bit_xor(hash(t)) from {texts} t", [until]).fetchone()[0])


def _count_between(path: Path, start: datetime, end: datetime) -> int:
    if start >= end:
        return 0
    select = f"select count(*) from {parquet_sql([path])} where time >= ? and time <= ?"
    with duckdb.connect() as database:
        return database.execute(select, [start, end]).fetchone()[0]


def _find_missing_key(store: FeatureStore, view: FeatureView, folder: Path) -> str | None:
    """Return a key of a file that cannot be read online, if any.

    The first key, the last and a sample are read.
    """
    name = view.join_keys[0]
    rows = parquet_sql([folder / f"{view.name}.parquet"])
    with duckdb.connect() as database:
        ends = database.execute(f"select min({name}), max({name}) from {rows}").fetchone()
        sample = database.execute(f"select distinct {name} from {rows} order by hash({name}) limit ?", [SAMPLE])
        sample_keys = [key for (key,) in sample.fetchall()]
    keys = [key for key in dict.fromkeys((*ends, *sample_keys)) if key]
    if not keys:
        return None
    features = [f"{view.name}:{field.name}" for field in view.features]
    columns = store.get_online_features(features, [{name: key} for key in keys]).to_dict(include_event_timestamps=True)
    for number, key in enumerate(keys):
        if not any(columns[f"{field.name}__ts"][number] for field in view.features):
            return key
    return None


def write_training_set(judgements: str | Path, folder: str | Path, as_of: datetime, out: str | Path) -> int:
    """Write every judgement with its features as of a moment, and return the row count.

    Raises:
        ValueError: the join returned another number of rows than it was given.
    """
    return write_joined(judgements, join_history(judgements, folder, as_of), out)


def read_local_keys(folder: Path) -> set[str]:
    """Return the keys of texts whose locale is not their item's default."""
    select = f"select item_id from {parquet_sql([folder / 'item_text.parquet'])} where contains(item_id, chr(31))"
    with duckdb.connect() as database:
        return {key for (key,) in database.execute(select).fetchall()}


def join_history(judgements: str | Path, folder: str | Path, as_of: datetime) -> pa.Table:
    """Return what Feast knew at `as_of`, one row a judgement, in their order.

    Raises:
        ValueError: the join returned another number of rows than it was given.
    """
    local_keys = read_local_keys(Path(folder))
    pairs = []
    for row in contracts.read_batches(contracts.JUDGEMENTS, judgements):
        key = item_key(row["item_id"], row["locale"])
        pairs.append((row["query_id"], key if key in local_keys else row["item_id"]))
    entities = pa.table(
        {
            "query_id": pa.array([query_id for query_id, _ in pairs], pa.string()),
            "item_id": pa.array([item_id for _, item_id in pairs], pa.string()),
            "event_timestamp": pa.array([as_of] * len(pairs), pa.timestamp("us", tz="UTC")),
            "row": pa.array(range(len(pairs)), pa.int64()),
        }
    )
    history = open_store(folder).get_historical_features(entities.to_pandas(), list(REFERENCES))
    table = history.to_arrow().sort_by("row")
    if table["row"].to_pylist() != list(range(len(pairs))):
        raise ValueError(f"the join of {len(pairs)} judgements with their features returned {table.num_rows} rows")
    return table

"""The Parquet files of a folder -> Feast's registry and online store in the same folder, and the training set.

All in one process: each call of Feast's command line would import Feast anew, which takes longer than the work.
"""

from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa

from components import contracts, crossfeatures
from feature_repo.features import item, query, views
from feature_repo.store import open_store

START = datetime(1970, 1, 1, tzinfo=UTC)
REFERENCES = (
    "item_text:brand",
    "item_text:category",
    *(f"item_statistics:{name}" for name in crossfeatures.ITEM_NUMBERS),
    *(f"query_statistics:{name}" for name in crossfeatures.QUERY_NUMBERS),
    "query_statistics:query_category",
    "query_statistics:query_median_price",
)


def materialize(folder: str | Path, as_of: datetime) -> dict:
    """Register the views and fill the online store with what was known at `as_of`; returns what was registered."""
    store = open_store(folder)
    store.apply([item, query, *views(Path(folder).resolve())])
    store.materialize(start_date=START, end_date=as_of)
    return {"views": sorted(view.name for view in store.list_feature_views())}


def training_set(judgements: str | Path, folder: str | Path, as_of: datetime, out: str | Path) -> int:
    """Write every judgement with its ten numbers as they were at `as_of`; returns the number of rows.

    Raises:
        ValueError: the join returned another number of rows than it was given.
    """
    joined = historical(judgements, folder, as_of)
    known = (row for batch in joined.to_batches(contracts.BATCH_ROWS) for row in batch.to_pylist())
    rows = (
        {**judgement, **crossfeatures.features({**stored, "query": judgement["query"]}, stored)}
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

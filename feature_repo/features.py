"""Feast's entities and feature views of items and queries, over one folder of Parquet files."""

import os
from datetime import timedelta
from pathlib import Path

from feast import Entity, FeatureView, Field, FileSource, ValueType
from feast.types import Float32, Int64, String

TEXT = {"title": String, "brand": String, "category": String, "attributes": String}
COUNTS = ("impressions_7d", "clicks_7d", "orders_7d", "impressions_30d", "clicks_30d", "orders_30d")
STATISTICS = {"price": Float32, "rating": Float32, **dict.fromkeys(COUNTS, Int64)}
QUERY = {
    "query_impressions_30d": Int64,
    "query_clicks_30d": Int64,
    "query_click_through": Float32,
    "query_frequency": Int64,
    "query_category_entropy": Float32,
    "query_category": String,
    "query_median_price": Float32,
}
NO_LIMIT = timedelta(0)
MAX_AGE = timedelta(days=2)  # of statistics: older ones count as not known, in training and online

item = Entity(name="item", join_keys=["item_id"], value_type=ValueType.STRING)
query = Entity(name="query", join_keys=["query_id"], value_type=ValueType.STRING)


def build_view(name: str, entity: Entity, fields: dict, ttl: timedelta, folder: str | Path, **tags: str) -> FeatureView:
    """Build a feature view over FOLDER/NAME.parquet.

    A row's `time` is the moment from which it was known.
    """
    return FeatureView(
        name=name,
        entities=[entity],
        ttl=ttl,
        schema=[Field(name=field, dtype=dtype) for field, dtype in fields.items()],
        source=FileSource(name=f"{name}_file", path=str(Path(folder, f"{name}.parquet")), timestamp_field="time"),
        tags=tags,
    )


def build_views(folder: str | Path, texts_digest: str = "") -> list[FeatureView]:
    """Build the three views over a folder's files, with the texts' digest as tag."""
    return [
        build_view("item_text", item, TEXT, NO_LIMIT, folder, digest=texts_digest),
        build_view("item_statistics", item, STATISTICS, MAX_AGE, folder),
        build_view("query_statistics", query, QUERY, MAX_AGE, folder),
    ]


# Feast's own command line finds these. Our steps call `build_views` with their folder.
item_text, item_statistics, query_statistics = build_views(os.environ.get("BROADFAST_FEATURES", "."))

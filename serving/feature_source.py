"""Where a server's features come from, by its options, and the features of a request's items."""

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from typing import Protocol

from components.settings import Settings
from serving.feature_lookup import FeatureLookup
from serving.request_schemas import InvalidRequest, Ranking
from serving.text_only import TextOnlyFeatures


class FeatureSource(Protocol):
    """What a query's and its items' texts and numbers are read from."""

    def lookup(
        self, query: str, query_id: str | None, item_ids: Sequence[str], locale: str | None = None
    ) -> FeatureLookup:
        """Look up a query and its items, where items without a text are `unknown_ids`."""

    def lookup_for_inline_items(self, query: str, query_id: str | None, items: Sequence[dict]) -> FeatureLookup:
        """Look up the query alone, for items that came with the request."""


def look_up(features: FeatureSource, ranking: Ranking) -> FeatureLookup:
    """Look up a request's query and items.

    Raises:
        InvalidRequest: an item is not known.
        Unavailable: the store does not answer, and an item's text is not remembered.
    """
    if ranking.instances:
        return features.lookup_for_inline_items(ranking.query, ranking.query_id, ranking.items)
    result = features.lookup(ranking.query, ranking.query_id, ranking.item_ids, ranking.locale)
    if result.unknown_ids:
        more = f" and {len(result.unknown_ids) - 1} more" if len(result.unknown_ids) > 1 else ""
        raise InvalidRequest(f"item_ids names an unknown item, {result.unknown_ids[0]!r}{more}")
    return result


def add_feature_options(parser: ArgumentParser) -> None:
    """Add the options that `open_features` reads."""
    parser.add_argument("--features", help="folder of the night's features; not on a cluster (BROADFAST_REDIS)")
    parser.add_argument("--text-only", action="store_true", help="serve without a feature store: items are instances")


def open_features(options: Namespace) -> FeatureSource:
    """Open the source of features that options and settings name.

    Raises:
        ValueError: none is named, or it does not answer as one.
    """
    if options.text_only or not Settings().feature_store:
        return TextOnlyFeatures()
    from serving.features import OnlineFeatures  # takes seconds to import

    return OnlineFeatures(options.features)

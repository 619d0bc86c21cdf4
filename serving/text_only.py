"""Serving without a feature store, where items come with the request, and without a log."""

from collections.abc import Sequence
from math import inf

from serving.feature_lookup import FeatureLookup, QueryRow, Row, combine
from serving.request_schemas import InvalidRequest


class TextOnlyFeatures:
    """Knows of a query and its items only what the request has."""

    def lookup(
        self, query: str, query_id: str | None, item_ids: Sequence[str], locale: str | None = None
    ) -> FeatureLookup:
        """Refuse ids, whose texts only a feature store knows.

        Raises:
            InvalidRequest: always, with the remedy.
        """
        raise InvalidRequest(
            "item_ids need the feature store, and this server runs without one (--text-only, or "
            "BROADFAST_FEATURE_STORE=off): send the items as instances"
        )

    def lookup_for_inline_items(self, query: str, query_id: str | None, items: Sequence[dict]) -> FeatureLookup:
        """Return the numbers that came with the request, and defaults for the others."""
        return combine(QueryRow(query), [Row(item, 0.0) for item in items], inf)


class NoRecorder:
    """Drops every row: for a first try, never for an experiment."""

    spooled_rows = 0
    spooled_bytes = 0

    def record(self, **tables: list[dict]) -> None:
        """Drop rows."""

    def is_writable(self) -> bool:
        """Return true, because nothing is written."""
        return True

    def close(self) -> None:
        """Do nothing, because nothing waits."""

"""The logs of what was shown, asked and done: where they lie on S3, and which of their rows are one and the same."""

import zlib
from datetime import datetime

from components import contracts

SCHEMAS = {"exposures": contracts.EXPOSURES, "requests": contracts.REQUESTS, "outcomes": contracts.OUTCOMES}
KEYS = {  # rows that agree in these are copies of one; the earliest counts
    "exposures": ("request_id", "item_id"),
    "requests": ("request_id",),
    "outcomes": ("request_id", "item_id", "kind", "order_id"),
}
LATER_COLUMNS = {  # that rows written by earlier versions lack
    "outcomes": {"order_id": None},
    "exposures": contracts.NO_DRAFT,
}
PARTS = 8  # of an hour: enough for readers side by side, few enough that a quiet hour is no heap of tiny objects


def part(request_id: str) -> int:
    """Return the part of its hour that a request's rows lie in.

    Copies of one row meet there, whoever wrote them.
    """
    return zlib.crc32(request_id.encode()) % PARTS


def object_name(table: str, hour: datetime, number: int, file: str) -> str:
    """Return the name of an object with rows of one table, hour (UTC) and part."""
    return f"logs/{table}/date={hour:%Y-%m-%d}/hour={hour:%H}/part={number:02d}/{file}.parquet"


def distinct(table: str, source: str) -> str:
    """Return SQL for a table's rows without copies: of each key the earliest."""
    keys = ", ".join(KEYS[table])
    return f"(SELECT * FROM {source} QUALIFY row_number() OVER (PARTITION BY {keys} ORDER BY time) = 1)"

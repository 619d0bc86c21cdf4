"""What the newest night left to compare."""

import io
from functools import lru_cache

import pyarrow as pa
import pyarrow.parquet as pq

from components import storage
from components.release_store import newest_nights
from workbench.page import PageError


def latest_comparison() -> dict:
    """Return the record of the newest night that left something to compare.

    Raises:
        PageError: no night did.
    """
    night = next((night for _, night in newest_nights() if night.get("comparison")), None)
    if night is None:
        raise PageError(404, "No night has left a comparison yet: it is written when a night's gate has spoken.")
    return night


@lru_cache(maxsize=4)
def read_table(name: str) -> pa.Table:
    """Return a Parquet object of a night, which never changes.

    Raises:
        PageError: it was swept.
    """
    content = storage.get_bytes(name)
    if content is None:
        raise PageError(404, f"{name} is not on S3 any more: old nights are swept.")
    return pq.ParquetFile(io.BytesIO(content)).read()  # read_table imports pandas

"""The nights whose gate has spoken, what they left to compare, and where their trend breaks."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import pyarrow as pa
import pyarrow.parquet as pq

from components import storage
from components.release_store import newest_nights
from workbench.page import PageError

TRENDS = {"ndcg_at_10": "NDCG@10", "macro_f1": "macro-F1", "seconds": "seconds of writing rationales"}
WORSE_BELOW = ("ndcg_at_10", "macro_f1")  # of the others, more is worse
EARLIER_NIGHTS = 20  # that a night is held to
FEWEST_NIGHTS = 5
MOVING_RANGE_FACTOR = 2.66  # of a chart of individual values: three standard deviations (Shewhart)


@dataclass(frozen=True)
class TrendBreak:
    """A night's figure beyond the limit that earlier nights set."""

    time: str
    name: str
    value: float
    limit: float


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
    return pq.read_table(io.BytesIO(content))


def trend_values(nights: Sequence[Mapping], name: str) -> list[float | None]:
    """Return a figure of each night, None where it has none."""
    return [night["metrics"].get(name, night["used"].get(name)) for night in nights]


def find_trend_breaks(nights: Sequence[Mapping]) -> list[TrendBreak]:
    """Return each night's figures that are beyond the limits of the nights before it."""
    breaks = []
    for name in TRENDS:
        values = trend_values(nights, name)
        for index, value in enumerate(values):
            earlier = [other for other in values[max(0, index - EARLIER_NIGHTS) : index] if other is not None]
            if value is None or len(earlier) < FEWEST_NIGHTS:
                continue
            limit = trend_limit(earlier, name in WORSE_BELOW)
            if value < limit if name in WORSE_BELOW else value > limit:
                breaks.append(TrendBreak(nights[index]["time"], name, value, limit))
    return breaks


def trend_limit(values: Sequence[float], is_lower: bool) -> float:
    """Return the limit of a chart of individual values.

    It is their mean, less or plus 2.66 of their mean moving ranges.
    """
    mean = sum(values) / len(values)
    steps = [abs(after - before) for before, after in zip(values, values[1:], strict=False)]
    reach = MOVING_RANGE_FACTOR * sum(steps) / len(steps)
    return mean - reach if is_lower else mean + reach

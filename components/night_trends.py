"""Where the trend of nights breaks: a night's figure beyond the limit that the nights before it set."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

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


def list_broken_trends(nights: Sequence[Mapping]) -> dict[str, bool]:
    """Return for each figure of the newest night, the last, whether it breaks its trend."""
    newest = nights[-1]
    breaks = {trend_break.name for trend_break in find_trend_breaks(nights) if trend_break.time == newest["time"]}
    return {name: name in breaks for name in TRENDS if trend_values([newest], name) != [None]}

"""Nights: quality and cost of every night, and where a trend breaks."""

from fastapi import APIRouter
from starlette.requests import Request

from components.night_trends import TRENDS, find_trend_breaks, trend_values
from components.release_store import read_nights
from workbench.page import show

CHART_WIDTH = 600
CHART_HEIGHT = 120
MARGIN = 10
router = APIRouter()


@router.get("/nights")
def show_nights(request: Request):
    """Show every night, newest first, with the charts of its figures."""
    nights = list(read_nights().values())
    charts = {title: chart_points(trend_values(nights, name)) for name, title in TRENDS.items()}
    context = {"nights": nights[::-1], "breaks": find_trend_breaks(nights)[::-1], "names": TRENDS, "charts": charts}
    return show(request, "nights.html.j2", context)


def chart_points(values: list[float | None]) -> list[dict]:
    """Return the points of a line in the chart's coordinates."""
    numbers = [value for value in values if value is not None]
    if not numbers:
        return []
    low = min(numbers)
    span = (max(numbers) - low) or 1.0
    step = (CHART_WIDTH - 2 * MARGIN) / max(1, len(values) - 1)
    return [
        {
            "x": round(MARGIN + step * index, 1),
            "y": round(CHART_HEIGHT - MARGIN - (value - low) / span * (CHART_HEIGHT - 2 * MARGIN), 1),
            "value": value,
        }
        for index, value in enumerate(values)
        if value is not None
    ]

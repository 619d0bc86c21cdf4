"""Queries: all held-out queries of the newest night, with what the candidate changes."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request

from workbench.nights import latest_comparison
from workbench.page import show
from workbench.query_changes import Filters, list_queries, mean_change, measure_queries, slice_values

GROUP_SIZE = 100  # rows that a browser lays out together, when they come into sight
router = APIRouter()


@router.get("/queries")
def show_queries(request: Request, filters: Annotated[Filters, Query()]):
    """List the queries."""
    night = latest_comparison()
    changes = measure_queries(night["comparison"])
    rows = list_queries(changes, filters)
    context = {
        "night": night,
        "filters": filters,
        "slices": slice_values(changes),
        "rows": rows,
        "group_size": GROUP_SIZE,
        "total": len(changes),
        "mean": mean_change(rows),
        "gained": sum(row.change > 0 for row in rows),
        "lost": sum(row.change < 0 for row in rows),
    }
    return show(request, "queries.html.j2", context)

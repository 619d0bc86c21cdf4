"""Rationales: what the teacher said of judged pairs, by perspective, right or wrong."""

from fastapi import APIRouter
from starlette.requests import Request

from workbench.nights import latest_comparison
from workbench.page import show
from workbench.rationale_pairs import KINDS, explained_pairs, select_pairs

SHOWN_PAIRS = 100
router = APIRouter()


@router.get("/rationales")
def show_rationales(request: Request, kind: str = "", query_id: str = ""):
    """Show the pairs of a kind, or of a query."""
    night = latest_comparison()
    pairs = explained_pairs(night["comparison"])
    matches = select_pairs(pairs, kind, query_id)
    context = {"night": night, "pairs": matches[:SHOWN_PAIRS], "count": len(matches), "total": len(pairs)}
    return show(request, "rationales.html.j2", context | {"kind": kind, "kinds": KINDS, "query_id": query_id})

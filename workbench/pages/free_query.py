"""Compare any query: the servers rank the items that a night knows and that share a word with it."""

from urllib.parse import urlencode

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse

from workbench.catalogue import check_free_query, find_by_text, find_candidates, read_catalogue
from workbench.model_servers import list_served_sides, score_by_servers
from workbench.nights import latest_comparison
from workbench.page import PageError, show
from workbench.side_by_side import compare_rankings, list_one_side

router = APIRouter()


@router.get("/compare/free")
def show_free_query(request: Request, text: str = "", locale: str = ""):
    """Show any query as the servers rank it now.

    One of the held-out queries is shown with its labels.
    """
    comparison = latest_comparison()["comparison"]
    query, locale = check_free_query(comparison, text, locale)
    if match := find_by_text(comparison, query, locale):
        return RedirectResponse(f"/compare?{urlencode({'query_id': match.query_id, 'source': 'servers'})}", 303)
    candidates = find_candidates(read_catalogue(comparison, locale), query)
    if not candidates:
        raise PageError(404, f"No item of the newest night shares a word with {query!r} (locale {locale or 'none'}).")
    sides = list_served_sides()
    rows, versions = score_by_servers(candidates, sides)
    context = {"query": query, "locale": locale, "versions": versions, "count": len(rows)}
    context |= {"address": urlencode({"text": query, "locale": locale})}
    context |= {"sides": compare_rankings(rows)} if len(sides) > 1 else {"only": list_one_side(rows, sides[0])}
    return show(request, "free_query.html.j2", context)

"""Compare: one held-out query under stable and candidate, as the servers rank it now or as the night logged it."""

from urllib.parse import urlencode

from fastapi import APIRouter
from starlette.requests import Request

from components.release_store import read_state
from workbench.catalogue import list_locales
from workbench.model_servers import ARMS, score_by_servers
from workbench.nights import latest_comparison
from workbench.page import PageError, show
from workbench.query_changes import measure_queries, query_rows, require_query
from workbench.side_by_side import compare_rankings

SHOWN_MATCHES = 50
router = APIRouter()


@router.get("/compare")
def show_comparison(request: Request, query_id: str = "", text: str = "", source: str = "log"):
    """Show one query, or the queries whose text matches."""
    night = latest_comparison()
    if not query_id:
        changes = measure_queries(night["comparison"])
        matches = [change for change in changes if text.casefold() in change.query.casefold()]
        context = {"text": text, "matches": matches[:SHOWN_MATCHES], "count": len(matches)}
        return show(request, "find_query.html.j2", context | {"locales": list_locales(night["comparison"])})
    change = require_query(night["comparison"], query_id)
    rows = query_rows(night["comparison"], change)
    versions = {"stable": night["serving_version"] or "the first baseline", "candidate": night["version"]}
    problem = ""
    if source == "servers":
        rows, versions, problem = ask_servers(rows, versions)
    context = {"query": change, "night": night, "versions": versions, "sides": compare_rankings(rows)}
    context |= {"address": urlencode({"query_id": query_id})}
    return show(request, "compare.html.j2", context | {"source": source, "problem": problem})


def ask_servers(rows: list[dict], versions: dict[str, str]) -> tuple[list[dict], dict[str, str], str]:
    """Return the servers' scores and versions, or the logged ones with the reason why."""
    if not read_state().candidate:
        return rows, versions, "no candidate is served now"
    try:
        return *score_by_servers(rows, tuple(ARMS)), ""
    except PageError as error:
        return rows, versions, str(error)

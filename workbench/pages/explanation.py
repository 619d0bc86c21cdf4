"""Why an item gets its label: the served versions' nearest rationales, as the servers explain it now."""

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query
from pydantic import BaseModel
from starlette.requests import Request

from workbench.catalogue import check_free_query, find_item, free_row, read_catalogue
from workbench.model_servers import explain_by_servers, list_served_sides
from workbench.nights import latest_comparison
from workbench.page import PageError, show
from workbench.query_changes import query_rows, require_query
from workbench.rationale_pairs import describe_pairs

router = APIRouter()


class ShownItem(BaseModel):
    """An item that Compare shows: of a held-out query, or of a free one."""

    item_id: str
    query_id: str = ""
    text: str = ""
    locale: str = ""


@router.get("/compare/item")
def explain_item(request: Request, item: Annotated[ShownItem, Query()]):
    """Show what each served version says of one item."""
    comparison = latest_comparison()["comparison"]
    row, back = find_judged_row(comparison, item) if item.query_id else find_free_row(comparison, item)
    if row is None:
        raise PageError(404, f"The item {item.item_id!r} is none of the newest night's for this query.")
    explanations = explain_by_servers(row, list_served_sides())
    context = {"row": row, "explanations": explanations, "pairs": describe_pairs(comparison), "back": back}
    return show(request, "explanation.html.j2", context)


def find_judged_row(comparison: str, item: ShownItem) -> tuple[dict | None, str]:
    """Return a held-out pair, and the address of its query's comparison."""
    rows = query_rows(comparison, require_query(comparison, item.query_id))
    row = next((row for row in rows if row["item_id"] == item.item_id), None)
    return row, f"/compare?{urlencode({'query_id': item.query_id, 'source': 'servers'})}"


def find_free_row(comparison: str, item: ShownItem) -> tuple[dict | None, str]:
    """Return an item for a free query, and the address of that query's comparison."""
    query, locale = check_free_query(comparison, item.text, item.locale)
    texts = find_item(read_catalogue(comparison, locale), item.item_id)
    row = free_row(texts, query) if texts else None
    return row, f"/compare/free?{urlencode({'text': query, 'locale': locale})}"

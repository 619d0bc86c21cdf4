"""How every page is drawn: its template inside the layout, and errors as pages of their own."""

from collections.abc import Mapping
from pathlib import Path

from starlette.requests import Request
from starlette.responses import HTMLResponse

from components.html import percent, render

TEMPLATES = Path(__file__).parent / "templates"
PAGES = {  # address: name, in the order of the menu
    "/release": "Release",
    "/queries": "Queries",
    "/compare": "Compare",
    "/judge": "Judge",
    "/rationales": "Rationales",
    "/nights": "Nights",
}


class PageError(Exception):
    """What a page cannot do, as a sentence for a person, with the answer's status."""

    def __init__(self, status: int, sentence: str):
        super().__init__(sentence)
        self.status = status


def number(value: float | None, digits: int = 3) -> str:
    """Format a number, with a dash for None and NaN."""
    return "–" if value is None or value != value else f"{value:.{digits}f}"


def with_sign(value: float | None, digits: int = 3) -> str:
    """Format a change with its sign, with a dash for None and NaN."""
    return "–" if value is None or value != value else f"{value:+.{digits}f}"


FILTERS = {"number": number, "signed": with_sign, "percent": percent}


def show(request: Request, template: str, context: Mapping, status: int = 200) -> HTMLResponse:
    """Return a page: a template with menu, user, and the token of its forms."""
    names = {name: getattr(request.state, name, "") for name in ("token", "user")}
    frame = {"pages": PAGES, "path": request.url.path, **names}
    return HTMLResponse(render(TEMPLATES / template, frame | dict(context), FILTERS), status)


def show_error(request: Request, status: int, sentence: str) -> HTMLResponse:
    """Return a page that says what went wrong."""
    return show(request, "error.html.j2", {"sentence": sentence}, status)

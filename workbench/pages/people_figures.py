"""What both versions are worth by people's labels, with intervals."""

from fastapi import APIRouter
from starlette.requests import Request

from workbench.judging import pairs_to_judge
from workbench.page import PageError, show
from workbench.people_figures import TITLES, measure_sides
from workbench.ratings import read_ratings

router = APIRouter()


@router.get("/judge/figures")
def show_figures(request: Request):
    """Show each measure of both versions by people's labels, the night's beside them."""
    ratings = read_ratings()
    if not ratings:
        raise PageError(404, "Nobody has judged a pair yet, so there is nothing to measure.")
    figures = measure_sides(list(pairs_to_judge().values()), ratings)
    return show(request, "people_figures.html.j2", {"figures": figures, "titles": TITLES})

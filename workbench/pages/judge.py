"""Judge: pairs one by one by keyboard, how far people agree, and their ratings as files."""

import csv
import io
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from components.contracts import LABELS
from components.settings import Settings
from workbench import judging, ratings
from workbench.identity import acting_name
from workbench.page import PageError, show

CONVERT = (sys.executable, "-m", "components.judgements.convert")
ITEM_COLUMNS = ("item_id", "title", "brand", "category", "attributes")
router = APIRouter()


class Vote(BaseModel):
    """A person's label of a pair. An empty label takes their last one back."""

    rater: str = Field("", max_length=100)  # a typed name
    queue: str = ""
    query_id: str = ""
    item_id: str = ""
    label: str = ""


@router.get("/judge")
def show_judging(request: Request):
    """Show who judged how much, how far they agree, and where they do not."""
    all_ratings = ratings.read_ratings()
    context = {
        "counts": judging.count_by_rater(all_ratings),
        "pairs": len(judging.pairs_to_judge()),
        "agreement": judging.measure_raters(all_ratings),
        "disagreements": judging.find_disagreements(all_ratings),
        "source": f"s3://{Settings().s3_bucket}/{ratings.NAME}",
    }
    return show(request, "judge.html.j2", context)


@router.get("/judge/pairs")
def show_pair(request: Request, rater: str = "", queue: str = "", skip: int = 0):
    """Show the next pair that a person has not judged. `skip` passes over so many."""
    rater = acting_name(request, rater)
    all_ratings = ratings.read_ratings()
    pairs = judging.queue_for(rater, all_ratings, queue)
    pair = judging.pairs_to_judge()[pairs[skip % len(pairs)]] if pairs else None
    context = {
        "rater": rater,
        "queue": queue,
        "skip": skip,
        "pair": pair,
        "left": len(pairs),
        "done": judging.count_by_rater(all_ratings).get(rater, 0),
        "labels": LABELS,
    }
    return show(request, "pair.html.j2", context)


@router.post("/judge/ratings")
def rate(request: Request, vote: Annotated[Vote, Form()]):
    """Keep a rating, or take the last one back, and show the next pair."""
    rater = acting_name(request, vote.rater)
    if vote.label:
        pair = judging.pairs_to_judge().get((vote.query_id, vote.item_id))
        if pair is None or vote.label not in LABELS:
            raise PageError(422, "Nothing was kept: the pair or the label is none that this page shows.")
        ratings.add_rating(pair, vote.label, rater)
    else:
        ratings.remove_last_rating(rater)
    address = router.url_path_for("show_pair")
    return RedirectResponse(f"{address}?{encode_query(rater, vote.queue)}", 303)


def encode_query(rater: str, queue: str) -> str:
    """Return the query string that leads to a person's next pair."""
    return urlencode({"rater": rater, "queue": queue})


@router.get("/judge/judgements.jsonl")
def export_judgements():
    """Return all ratings as a run reads them."""
    return download(ratings.to_lines(ratings.read_ratings()), "judgements.jsonl", "application/x-ndjson")


@router.get("/judge/quepid.csv")
def export_quepid():
    """Return one label a pair as Quepid's basic CSV."""
    all_ratings = ratings.read_ratings()
    if not all_ratings:
        raise PageError(404, "Nobody has judged a pair yet, so there is nothing to export.")
    return download(convert_to_quepid(ratings.to_lines(all_ratings)), "quepid.csv", "text/csv")


@router.get("/judge/items.csv")
def export_items():
    """Return all items that can be judged, with titles, as a catalogue."""
    text = io.StringIO()
    writer = csv.DictWriter(text, ITEM_COLUMNS, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows({pair["item_id"]: pair for pair in judging.pairs_to_judge().values()}.values())
    return download(text.getvalue().encode(), "items.csv", "text/csv")


def convert_to_quepid(lines: bytes) -> bytes:
    """Return ratings as Quepid's CSV, by the command that converts judgements.

    Raises:
        PageError: it refused, with its reason.
    """
    with TemporaryDirectory() as folder:
        source = Path(folder, "judgements.jsonl")
        source.write_bytes(lines)
        out = Path(folder, "quepid.csv")
        command = [*CONVERT, str(source), str(out), "--to", "quepid"]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        if result.returncode:
            raise PageError(409, f"The ratings cannot be exported: {result.stderr.strip() or result.stdout.strip()}")
        return out.read_bytes()


def download(content: bytes, name: str, media_type: str) -> Response:
    """Return content as a file that the browser keeps."""
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(content, media_type=media_type, headers=headers)

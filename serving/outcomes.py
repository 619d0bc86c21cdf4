"""Collects what came of the items shown: clicks, orders, satisfaction grades. `python -m serving.outcomes`."""

import argparse
import math
import sys
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.concurrency import run_in_threadpool

from components import storage
from serving.exposures import Full, Recorder
from serving.requests import MAX_NAME, Refused, listed, parse_body, text

KINDS = ("click", "order", "grade")


def application(recorder: Recorder) -> FastAPI:
    """The collector around a recorder, which it closes when it ends."""

    @asynccontextmanager
    async def lifespan(_):
        yield
        await run_in_threadpool(recorder.close)

    app = FastAPI(title="Outcomes", lifespan=lifespan, openapi_url=None)

    @app.post("/outcomes")
    async def collect(request: Request) -> JSONResponse:
        try:
            rows = outcomes(await request.body(), datetime.now(UTC))
            await run_in_threadpool(recorder.record, outcomes=rows)
        except Refused as error:
            return JSONResponse({"error": str(error)}, 400)
        except Full as error:
            return JSONResponse({"error": f"nothing was recorded: {error}"}, 503)
        return JSONResponse({"accepted": len(rows)})

    @app.get("/health")
    async def health() -> dict:
        return {"ready": True}

    @app.get("/metrics")
    async def show() -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return app


def outcomes(body: bytes, now: datetime) -> list[dict]:
    """Rows of OUTCOMES from a request's body: all of it, or none.

    Raises:
        Refused: an entry lacks something, or says something impossible; the sentence names entry and field.
    """
    document = parse_body(body)
    if not isinstance(document, dict) or "outcomes" not in document:
        raise Refused("the body has no outcomes; give a JSON object with a list of them")
    return [_outcome(entry, f"outcomes[{n}]", now) for n, entry in enumerate(listed(document["outcomes"], "outcomes"))]


def _outcome(entry, place: str, now: datetime) -> dict:
    if not isinstance(entry, dict):
        raise Refused(f"{place} is no object; give request_id, item_id and kind")
    row = {name: text(entry, name, MAX_NAME, True, f"{place}.") for name in ("request_id", "item_id", "kind")}
    if row["kind"] not in KINDS:
        raise Refused(f"{place}.kind is {row['kind']!r}; give one of {', '.join(KINDS)}")
    return {"time": _time(entry.get("time"), f"{place}.time") or now, **row, **_worth(row["kind"], entry, place)}


def _worth(kind: str, entry: dict, place: str) -> dict:
    """Revenue and currency of an order, the grade of a grade, nothing of a click."""
    revenue = currency = grade = None
    if kind == "order":
        revenue, currency = entry.get("revenue"), text(entry, "currency", 3, True, f"{place}.")
        if isinstance(revenue, bool) or not isinstance(revenue, int) or not 0 <= revenue < 2**63:
            raise Refused(f"{place}.revenue is {revenue!r}; give the minor units of the currency as a whole number")
    if kind == "grade":
        grade = entry.get("grade")
        known = isinstance(grade, (int, float)) and not isinstance(grade, bool) and math.isfinite(grade)
        if not known or not 0 <= grade <= 1:
            raise Refused(f"{place}.grade is {grade!r}; give a number from 0 to 1")
        grade = float(grade)
    return {"revenue": revenue, "currency": currency, "grade": grade}


def _time(value, place: str) -> datetime | None:
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError) as error:
        raise Refused(f"{place} is {value!r}; give ISO 8601 with a time zone") from error
    if moment.tzinfo is None:
        raise Refused(f"{place} is {value!r}, without a time zone")
    return moment.astimezone(UTC)


def main() -> None:
    """Serve until SIGTERM, then upload what is left."""
    parser = argparse.ArgumentParser(prog="python -m serving.outcomes", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=18090)
    parser.add_argument("--spool", default="runs/spool/outcomes", help="folder of what is not on S3 yet")
    options = parser.parse_args()
    try:
        storage.client()  # says now, and not at the first upload, that no S3 is configured
        recorder = Recorder(options.spool)
    except (ValueError, OSError) as error:
        sys.exit(f"the outcome collector cannot start: {error}")
    uvicorn.run(application(recorder), host=options.host, port=options.port, access_log=False, log_level="warning")


if __name__ == "__main__":
    main()

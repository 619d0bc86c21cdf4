"""Collects what came of the items shown: clicks, orders, satisfaction grades. `python -m serving.outcomes --help`."""

import argparse
import sys
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Literal

import orjson
import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from starlette.concurrency import run_in_threadpool

from components import storage
from serving.asgi_body import body
from serving.openapi import document
from serving.recorder import Full, Recorder, recorder_of, spool_options
from serving.request_schemas import MAX_ITEMS, Id, Refused
from serving.validation_errors import sentence

MAX_BODY = 2**20  # bytes
BELONGS = {"click": (), "order": ("revenue", "currency"), "grade": ("grade",)}


class Outcome(BaseModel):
    """What one item came to; an order has revenue and currency, a grade its grade, a click neither."""

    model_config = ConfigDict(strict=True, extra="forbid")

    request_id: Id = Field(description="of the page that showed the item")
    item_id: Id
    kind: Literal["click", "order", "grade"]
    order_id: Id | None = Field(None, description="of the shop's order: two orders of one item are two")
    time: str | None = Field(None, description="ISO 8601 with a time zone; now where it is not given")
    revenue: Annotated[int, Field(ge=0, lt=2**63)] | None = Field(None, description="in the currency's minor units")
    currency: Annotated[str, Field(min_length=3, max_length=3)] | None = Field(None, description="ISO 4217")
    grade: Annotated[float, Field(ge=0, le=1)] | None = Field(None, description="satisfaction")

    @field_validator("time")
    @classmethod
    def _a_moment(cls, said: str | None) -> str | None:
        if said is None:
            return None
        try:
            moment = datetime.fromisoformat(said)
        except ValueError as error:
            raise ValueError(f"is {said[:80]!r}; give ISO 8601 with a time zone") from error
        if moment.tzinfo is None:
            raise ValueError(f"is {said!r}, without a time zone")
        return said

    @model_validator(mode="after")
    def _what_its_kind_has(self):
        for name in ("revenue", "currency", "grade"):
            if (getattr(self, name) is not None) != (name in BELONGS[self.kind]):
                raise ValueError(f"is of kind {self.kind} with{'out' if name in BELONGS[self.kind] else ''} {name}")
        return self

    def row(self, now: datetime) -> dict:
        """The row of OUTCOMES."""
        return self.model_dump() | {"time": datetime.fromisoformat(self.time).astimezone(UTC) if self.time else now}


class Outcomes(BaseModel):
    """All or nothing is taken."""

    model_config = ConfigDict(strict=True, extra="forbid")

    outcomes: Annotated[list[Outcome], Field(min_length=1, max_length=MAX_ITEMS)]


class Accepted(BaseModel):
    """How many rows were written."""

    accepted: int


def application(recorder: Recorder) -> FastAPI:
    """The collector around a recorder, which it closes when it ends."""

    @asynccontextmanager
    async def lifespan(_):
        yield
        await run_in_threadpool(recorder.close)

    app = FastAPI(title="Outcomes", lifespan=lifespan)
    app.openapi = partial(document, app, "Broadfast outcomes", "1", {"/outcomes": (Outcomes, Accepted)})

    @app.post("/outcomes")
    async def collect(request: Request) -> JSONResponse:
        if (said := await body(request.receive, MAX_BODY)) is None:
            return JSONResponse({"error": f"the body is larger than {MAX_BODY} bytes; send fewer outcomes"}, 413)
        try:
            rows = outcomes(said, datetime.now(UTC))
            await run_in_threadpool(recorder.record, outcomes=rows)
        except Refused as error:
            return JSONResponse({"error": str(error)}, 400)
        except Full as error:
            return JSONResponse({"error": f"nothing was recorded: {error}"}, 503)
        return JSONResponse({"accepted": len(rows)})

    @app.get("/health")
    async def health() -> JSONResponse:
        ready = recorder.writable()
        return JSONResponse({"ready": ready, "rows_waiting": recorder.spooled}, 200 if ready else 503)

    @app.get("/metrics")
    async def show() -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return app


def outcomes(content: bytes, now: datetime) -> list[dict]:
    """Rows of OUTCOMES from a request's body: all of it, or none.

    Raises:
        Refused: an entry lacks something, or says something impossible; the sentence names entry and field.
    """
    try:
        return [entry.row(now) for entry in Outcomes.model_validate(orjson.loads(content)).outcomes]
    except orjson.JSONDecodeError as error:
        raise Refused(f"the body is not JSON: {error}") from error
    except ValidationError as error:
        raise Refused(sentence(error)) from error


def main() -> None:
    """Serve until SIGTERM, then upload what is left."""
    parser = argparse.ArgumentParser(prog="python -m serving.outcomes", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="address to bind: 0.0.0.0 in a pod")
    parser.add_argument("--port", type=int, default=18090, help="of POST /outcomes, /health, /metrics, /openapi.json")
    spool_options(parser, "runs/spool/outcomes")
    options = parser.parse_args()
    try:
        storage.client()  # says now, and not at the first upload, that no S3 is configured
        recorder = recorder_of(options)
    except (ValueError, OSError) as error:
        sys.exit(f"the outcome collector cannot start: {error}")
    uvicorn.run(application(recorder), host=options.host, port=options.port, access_log=False, log_level="warning")


if __name__ == "__main__":
    main()

"""The collector of outcomes: clicks, orders, refunds and satisfaction grades, on their way to S3."""

import argparse
import sys
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from components import storage
from components.settings import Settings
from serving.asgi_body import read_body
from serving.openapi import build_document
from serving.outcome_schemas import Accepted, BatchContext, Outcomes, parse_outcomes
from serving.ports import check_port
from serving.recorder import Recorder
from serving.refusals import REFUSED, refuse, show_metrics
from serving.spool_options import add_spool_options, create_recorder

MAX_BODY = 2**20  # bytes
DESCRIPTION = (
    "Take clicks, orders, refunds and satisfaction grades at POST /outcomes, and upload them to the S3 that "
    "BROADFAST_S3_ENDPOINT, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY name."
)


def create_app(recorder: Recorder, currency: str = "") -> FastAPI:
    """Create the collector around a recorder, which it closes when it ends.

    `currency` is the platform's one currency, and an empty text takes any.
    """

    @asynccontextmanager
    async def lifespan(_):
        yield
        await run_in_threadpool(recorder.close)

    app = FastAPI(title="Outcomes", lifespan=lifespan)
    app.openapi = partial(build_document, app, "Broadfast outcomes", "1", {"/outcomes": (Outcomes, Accepted)})

    @app.post("/outcomes")
    async def collect(request: Request) -> JSONResponse:
        try:
            body = await read_body(request.scope, request.receive, MAX_BODY)
            rows = parse_outcomes(body, BatchContext(datetime.now(UTC), currency))
            await run_in_threadpool(recorder.record, outcomes=rows)
        except REFUSED as error:
            return refuse(error, "nothing was recorded")
        return JSONResponse({"accepted": len(rows)})

    @app.get("/health")
    async def health() -> JSONResponse:
        is_ready = recorder.is_writable()
        return JSONResponse({"ready": is_ready, "rows_waiting": recorder.spooled_rows}, 200 if is_ready else 503)

    app.get("/metrics")(show_metrics)
    return app


def main() -> None:
    """Serve until SIGTERM, then upload what is left."""
    parser = argparse.ArgumentParser(prog="python -m serving.outcomes", description=DESCRIPTION)
    parser.add_argument("--host", default="127.0.0.1", help="address to bind: 0.0.0.0 in a pod")
    parser.add_argument("--port", type=int, default=18090, help="of POST /outcomes, /health, /metrics, /openapi.json")
    add_spool_options(parser, "runs/spool/outcomes")
    options = parser.parse_args()
    try:
        check_port("--port", options.host, options.port)
        storage.client()  # fails now, and not at the first upload, where no S3 is configured
        currency = Settings().currency
        recorder = create_recorder(options)
    except (ValueError, OSError) as error:
        sys.exit(f"the outcome collector cannot start: {error}")
    uvicorn.run(
        create_app(recorder, currency), host=options.host, port=options.port, access_log=False, log_level="warning"
    )


if __name__ == "__main__":
    main()

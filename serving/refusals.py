"""What the small servers answer alike: a request that is refused, and the metrics."""

from fastapi import Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from serving.asgi_body import BodyError
from serving.request_schemas import InvalidRequest
from serving.spool_limits import SpoolFull

REFUSED = (BodyError, InvalidRequest, SpoolFull)


def refuse(error: BodyError | InvalidRequest | SpoolFull, not_recorded: str) -> JSONResponse:
    """Return the answer to a request that was refused.

    `not_recorded` says what a full spool kept from happening.
    """
    if isinstance(error, BodyError):
        return JSONResponse({"error": str(error)}, error.status)
    if isinstance(error, SpoolFull):
        return JSONResponse({"error": f"{not_recorded}: {error}"}, 503)
    return JSONResponse({"error": str(error)}, 400)


async def show_metrics() -> Response:
    """Return this process's metrics for Prometheus."""
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

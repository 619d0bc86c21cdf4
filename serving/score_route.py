"""The route by which the interleaver gets scores, past KServe's protocols: it looks nothing up and records nothing."""

import time

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from serving import metrics
from serving.asgi_body import MAX_BODY, BodyError, read_body
from serving.request_log import VERSION_HEADER
from serving.score_protocol import PATH, SIGNATURE, decode_texts, encode_scores, is_signed
from serving.server import RelevanceModel

UNSIGNED = f"only the platform's interleaver is answered here, whose bodies {SIGNATURE} signs"


def add_score_route(app: FastAPI, model: RelevanceModel, secret: str) -> None:
    """Answer the interleaver's requests, if there is a secret by which it can sign them."""

    async def score(request: Request) -> Response:
        start = time.perf_counter()
        response = await answer(model, secret, request)
        metrics.REQUESTS.labels(model.version, "score", str(response.status_code)).inc()
        metrics.LATENCY.labels(model.version, "score").observe(time.perf_counter() - start)
        return response

    if secret:
        app.router.routes.insert(0, Route(PATH, score, methods=["POST"]))


async def answer(model: RelevanceModel, secret: str, request: Request) -> Response:
    """Return the scores of a request's texts."""
    try:
        body = await read_body(request.scope, request.receive, MAX_BODY)
        if not is_signed(secret, body, request.headers.get(SIGNATURE, "")):
            return JSONResponse({"error": UNSIGNED}, 403)
        query, texts = decode_texts(body)
    except BodyError as error:
        return JSONResponse({"error": str(error)}, error.status)
    except ValueError as error:
        return JSONResponse({"error": str(error)}, 400)
    scores = await model.score_texts(query, texts)
    return Response(
        encode_scores(model.version, scores),
        media_type="application/json",
        headers={VERSION_HEADER: model.version},
    )

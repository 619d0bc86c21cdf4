"""The interleaver: asks stable and candidate side by side, and answers one page of both in the server's schemas.

Where one of them fails or is late, the other's list is the page, with no teams. What a page shows is recorded before it
is sent, and by nobody else.
"""

import argparse
import sys
import threading
from contextlib import asynccontextmanager
from functools import partial
from importlib import import_module

import httpx
import orjson
import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from components import storage
from components.experiment.assignment import user_hash
from components.settings import Settings
from serving.asgi_body import MAX_BODY, read_body
from serving.feature_source import add_feature_options, open_features
from serving.heap import freeze_heap
from serving.import_guard import stay_light
from serving.page_interleaver import Answer, PageInterleaver
from serving.ports import check_port
from serving.ranker_client import RankerClient
from serving.rankers import CANDIDATE, STABLE, Rankers
from serving.refusals import REFUSED, refuse, show_metrics
from serving.request_log import VERSION_HEADER
from serving.spool_options import add_spool_options, create_recorder

PATIENCE_S = 10.0  # until no ranker is waited for
KNATIVE_TAGS = {STABLE: "prev", CANDIDATE: "latest"}  # of KServe's revisions
NOT_RECORDED = "the request was not answered, for it cannot be recorded"


def create_app(interleaver: PageInterleaver) -> FastAPI:
    """Create the application, which closes the recorder when it ends."""

    @asynccontextmanager
    async def lifespan(_):
        yield
        await interleaver.rankers.http.aclose()
        await run_in_threadpool(interleaver.recorder.close)

    app = FastAPI(title="Broadfast interleaver", lifespan=lifespan)

    @app.post("/v1/models/{name}:predict")
    async def predict(request: Request) -> Response:
        try:
            body = await read_body(request.scope, request.receive, MAX_BODY)
            return encode(await interleaver.answer(body, request.headers))
        except REFUSED as error:
            return refuse(error, NOT_RECORDED)

    @app.post("/v2/models/{name}/infer")
    async def infer(request: Request, name: str) -> Response:
        from serving import interleaved_tensors

        try:
            body = await read_body(request.scope, request.receive, MAX_BODY)
            return await interleaved_tensors.infer(interleaver, name, body, request.headers)
        except REFUSED as error:
            return refuse(error, NOT_RECORDED)

    @app.get("/health")
    async def health() -> JSONResponse:
        is_ready = interleaver.recorder.is_writable()
        return JSONResponse({"ready": is_ready, "versions": interleaver.rankers.versions}, 200 if is_ready else 503)

    app.get("/metrics")(show_metrics)
    return app


def encode(answer: Answer) -> Response:
    """Return an answer in V1's schema."""
    headers = {VERSION_HEADER: answer.versions} if answer.versions else None
    return Response(orjson.dumps(answer.document), answer.status, headers, "application/json")


def check_options(options: argparse.Namespace) -> None:
    """Check the two servers' addresses, and how long one is waited for.

    Raises:
        ValueError: an address is none, both are the same, or the deadline is out of range.
    """
    if not 0 < options.deadline_ms <= 1000 * PATIENCE_S:
        longest = f"{1000 * PATIENCE_S:,.0f}"
        raise ValueError(f"--deadline-ms is {options.deadline_ms:g}: give milliseconds above 0, at most {longest}")
    urls = (options.stable_url.rstrip("/"), options.candidate_url.rstrip("/"))
    if options.knative_tags:
        if any(urls):
            raise ValueError("--knative-tags asks BROADFAST_GATEWAY_URL: give no --stable-url and no --candidate-url")
        return
    for option, text in zip(("--stable-url", "--candidate-url"), urls, strict=True):
        try:
            url = httpx.URL(text)
        except httpx.InvalidURL as error:
            raise ValueError(f"{option} is {text!r} ({error}): give http://HOST:PORT") from error
        if url.scheme not in ("http", "https") or not url.host:
            raise ValueError(f"{option} is {text!r}: give http://HOST:PORT")
    if urls[0] == urls[1]:
        raise ValueError(f"--stable-url and --candidate-url are both {urls[0]}: give two servers")


def create_rankers(options: argparse.Namespace, secret: str) -> Rankers:
    """Return the two rankers.

    They are two servers, or one address in Knative mode, where a header's tag picks a revision.
    """
    urls = {STABLE: options.stable_url.rstrip("/"), CANDIDATE: options.candidate_url.rstrip("/")}
    headers = {}
    if options.knative_tags:
        urls = dict.fromkeys(urls, Settings().gateway_url.rstrip("/"))
        headers = {name: {"knative-serving-tag": tag} for name, tag in KNATIVE_TAGS.items()}
    return Rankers(urls, RankerClient(), secret, options.deadline_ms / 1000, PATIENCE_S, headers)


def read_options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m serving.interleaver", description=__doc__)
    parser.add_argument("--stable-url", default="", help="of the server of the version that serves")
    parser.add_argument("--candidate-url", default="", help="of the server of the version that may take its place")
    tags = "ask both at BROADFAST_GATEWAY_URL, by Knative's tags prev and latest, in place of two addresses"
    parser.add_argument("--knative-tags", action="store_true", help=tags)
    parser.add_argument("--deadline-ms", type=float, default=250, help="after which one ranker is not waited for")
    parser.add_argument("--host", default="127.0.0.1", help="address to bind: 0.0.0.0 in a pod")
    parser.add_argument("--port", type=int, default=18091, help="of V1 predict, V2 infer, /health and /metrics")
    add_feature_options(parser)
    add_spool_options(parser, "runs/spool/interleaver")
    return parser.parse_args()


def load_tensors() -> None:
    """Import what V2 needs, after which nothing more is loaded."""
    import_module("serving.interleaved_tensors")
    freeze_heap()


def main() -> None:
    """Serve until SIGTERM, then upload what is left."""
    options = read_options()
    try:
        check_port("--port", options.host, options.port)
        check_options(options)
        secret = Settings().user_hash_secret
        hash_user = partial(user_hash, secret)
        hash_user("")  # fails now, and not at the first request, where there is no secret
        storage.client()  # likewise where no S3 is configured
        stay_light()
        features = open_features(options)
        recorder = create_recorder(options, drops_when_full=True)
    except (ValueError, OSError) as error:
        sys.exit(f"the interleaver cannot start: {error}")
    app = create_app(PageInterleaver(create_rankers(options, secret), recorder, hash_user, features))
    threading.Thread(target=load_tensors, daemon=True).start()  # takes seconds
    uvicorn.run(app, host=options.host, port=options.port, access_log=False, log_level="warning")


if __name__ == "__main__":
    main()

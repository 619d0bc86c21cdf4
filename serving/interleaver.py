"""The interleaver: asks stable and candidate side by side, and answers one page of both in the server's V1 schema.

Where one of them fails or is late, the other's list is the page, with no teams. What a page shows is recorded before it
is sent, and by nobody else.
"""

import argparse
import sys
import time
import uuid
from collections.abc import Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

import httpx
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from prometheus_client import Counter
from pydantic import Field
from starlette.concurrency import run_in_threadpool

from components import storage
from components.experiment.assignment import user_hash
from components.settings import Settings
from serving.asgi_body import MAX_BODY, read_body
from serving.interleaved_answers import choose_page, describe, name_versions
from serving.page_token import MAX_TOKEN, PageToken
from serving.ports import check_port
from serving.rankers import CANDIDATE, STABLE, RankerAnswer, Rankers
from serving.recorder import Recorder
from serving.refusals import REFUSED, refuse, show_metrics
from serving.request_log import VERSION_HEADER, RequestEntry, write_entry
from serving.request_schemas import MAX_NAME, InvalidRequest, Ranking, parse
from serving.spool_options import add_spool_options, create_recorder

PATIENCE_S = 10.0  # until no ranker is waited for
PAGES = Counter("broadfast_interleaved_pages", "Pages by kind", ("kind",))


class PagedRanking(Ranking):
    """A ranking, or the next page of one."""

    page_token: str | None = Field(None, max_length=MAX_TOKEN, description="next_page_token of the page before")


@dataclass(frozen=True)
class Interleaver:
    """Answers requests from two rankers, and records what it shows."""

    rankers: Rankers
    recorder: Recorder
    hash_user: Callable[[str], bytes]

    async def answer(self, path: str, body: bytes, headers: dict) -> JSONResponse:
        """Return an answer, whose header names the versions that ranked.

        Raises:
            InvalidRequest: the request does not fit the schema.
            SpoolFull: it cannot be recorded.
        """
        ranking = parse(body, PagedRanking)
        entry = start_entry(ranking, headers, self.hash_user)
        token = PageToken.decode(ranking.page_token) if ranking.page_token else None
        forward = ranking.model_dump(exclude={"page_token", "user_id", "request_id"}, exclude_unset=True)
        answers = await self.rankers.ask(path, forward)
        if not any(answer.is_ranking for answer in answers):
            return await self._refuse(entry, answers)
        page = choose_page(entry, ranking, answers, token)
        document = describe(entry, page, answers)
        entry.missing_features = sum(len(row["missing"]) for row in document["predictions"])
        await self._record(entry, 200, exposures=page.exposures(entry))
        if not entry.is_shadow:
            PAGES.labels(page.kind).inc()
        return JSONResponse(document, headers={VERSION_HEADER: name_versions(answers)})

    async def _refuse(self, entry: RequestEntry, answers: tuple[RankerAnswer, RankerAnswer]) -> JSONResponse:
        """Pass on why a request is wrong, or say that neither ranker answered."""
        wrong = next((answer for answer in answers if 400 <= answer.status < 500), None)
        status = wrong.status if wrong else 503
        await self._record(entry, status)
        error = wrong.error if wrong else "neither ranker answered: the request may be sent again"
        return JSONResponse({"error": error}, status)

    async def _record(self, entry: RequestEntry, status: int, **tables: list[dict]) -> None:
        latency_ms = 1000 * (time.time() - entry.time.timestamp())
        await run_in_threadpool(write_entry, self.recorder, entry, status, latency_ms, **tables)


def start_entry(ranking: Ranking, headers, hash_user: Callable[[str], bytes]) -> RequestEntry:
    """Return the entry of a request in the log.

    Raises:
        InvalidRequest: a header is too long.
    """
    experiment_id = headers.get("x-experiment-id")
    if experiment_id is not None and len(experiment_id) > MAX_NAME:
        problem = f"the header x-experiment-id has {len(experiment_id)} characters"
        raise InvalidRequest(f"{problem}; at most {MAX_NAME} are taken")
    entry = RequestEntry(ranking.request_id or headers.get("x-request-id", "")[:MAX_NAME] or str(uuid.uuid4()))
    entry.experiment_id = experiment_id
    entry.user_hash = hash_user(ranking.user_id) if ranking.user_id else None
    entry.items = len(ranking.ids)
    entry.is_shadow = headers.get("x-shadow") == "1"
    return entry


def create_app(interleaver: Interleaver) -> FastAPI:
    """Create the application, which closes the recorder when it ends."""

    @asynccontextmanager
    async def lifespan(_):
        yield
        await interleaver.rankers.http.aclose()
        await run_in_threadpool(interleaver.recorder.close)

    app = FastAPI(title="Broadfast interleaver", lifespan=lifespan)

    @app.post("/v1/models/{name}:predict")
    async def predict(request: Request) -> JSONResponse:
        try:
            body = await read_body(request.scope, request.receive, MAX_BODY)
            return await interleaver.answer(request.url.path, body, request.headers)
        except REFUSED as error:
            return refuse(error, "the request was not answered, for it cannot be recorded")

    @app.get("/health")
    async def health() -> JSONResponse:
        is_ready = interleaver.recorder.is_writable()
        return JSONResponse({"ready": is_ready, "versions": interleaver.rankers.versions}, 200 if is_ready else 503)

    app.get("/metrics")(show_metrics)
    return app


def check_options(options: argparse.Namespace) -> None:
    """Check the two servers' addresses, and how long one is waited for.

    Raises:
        ValueError: an address is none, both are the same, or the deadline is out of range.
    """
    urls = (options.stable_url.rstrip("/"), options.candidate_url.rstrip("/"))
    for option, text in zip(("--stable-url", "--candidate-url"), urls, strict=True):
        try:
            url = httpx.URL(text)
        except httpx.InvalidURL as error:
            raise ValueError(f"{option} is {text!r} ({error}): give http://HOST:PORT") from error
        if url.scheme not in ("http", "https") or not url.host:
            raise ValueError(f"{option} is {text!r}: give http://HOST:PORT")
    if urls[0] == urls[1]:
        raise ValueError(f"--stable-url and --candidate-url are both {urls[0]}: give two servers")
    if not 0 < options.deadline_ms <= 1000 * PATIENCE_S:
        longest = f"{1000 * PATIENCE_S:,.0f}"
        raise ValueError(f"--deadline-ms is {options.deadline_ms:g}: give milliseconds above 0, at most {longest}")


def main() -> None:
    """Serve until SIGTERM, then upload what is left."""
    parser = argparse.ArgumentParser(prog="python -m serving.interleaver", description=__doc__)
    parser.add_argument("--stable-url", required=True, help="of the server of the version that serves")
    parser.add_argument("--candidate-url", required=True, help="of the server of the version that may take its place")
    parser.add_argument("--deadline-ms", type=float, default=250, help="after which one ranker is not waited for")
    parser.add_argument("--host", default="127.0.0.1", help="address to bind: 0.0.0.0 in a pod")
    parser.add_argument("--port", type=int, default=18091, help="of V1 predict, /health and /metrics")
    add_spool_options(parser, "runs/spool/interleaver")
    options = parser.parse_args()
    try:
        check_port("--port", options.host, options.port)
        check_options(options)
        hash_user = partial(user_hash, Settings().user_hash_secret)
        hash_user("")  # fails now, and not at the first request, where there is no secret
        storage.client()  # likewise where no S3 is configured
        recorder = create_recorder(options, drops_when_full=True)
    except (ValueError, OSError) as error:
        sys.exit(f"the interleaver cannot start: {error}")
    urls = {STABLE: options.stable_url.rstrip("/"), CANDIDATE: options.candidate_url.rstrip("/")}
    rankers = Rankers(urls, httpx.AsyncClient(timeout=PATIENCE_S), options.deadline_ms / 1000, PATIENCE_S)
    app = create_app(Interleaver(rankers, recorder, hash_user))
    uvicorn.run(app, host=options.host, port=options.port, access_log=False, log_level="warning")


if __name__ == "__main__":
    main()

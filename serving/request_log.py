"""The REQUESTS row of each request, refused ones too: started at arrival, completed by the model, written once."""

import re
import time
import uuid
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime

from fastapi.responses import JSONResponse

from components import contracts
from serving import metrics
from serving.asgi_body import MAX_BODY, BodyError, read_body, replay_body
from serving.recorder import Recorder
from serving.request_schemas import MAX_NAME
from serving.spool_limits import SpoolFull

VERBS = {":predict": "predict", ":explain": "explain", "/infer": "infer"}
VERSIONED = re.compile(r"(?P<model>/v2/models/[^/]+)/versions/(?P<version>[^/]+)(?P<rest>/infer|/ready|)")
REPOSITORY = "/v2/repository/"  # lets anyone unload the model
JSON = b"application/json"
BYTES = b"application/octet-stream"
FALLBACK = "fallback"  # the kind of a page that was to be interleaved, and was not
VERSION_HEADER = "x-model-version"
BODY_HEADERS = (b"content-encoding", b"content-length")  # no longer true once it is decompressed
EVENT = b"ce-"  # a cloud event is no request to rank: without these headers KServe takes the body for what it is


@dataclass
class RequestEntry:
    """A row of REQUESTS while its request is being answered."""

    request_id: str
    time: datetime = field(default_factory=lambda: datetime.now(UTC))
    experiment_id: str | None = None
    user_hash: bytes | None = None
    assigned_arm: str | None = None
    version: str | None = None
    status: int | None = None  # None until the row is written
    latency_ms: float = 0.0
    items: int = 0
    missing_features: int = 0
    is_shadow: bool = False  # a mirrored copy, whose answer no shopper sees
    page_kind: str | None = None  # FALLBACK where a page was to be interleaved

    def row(self) -> dict:
        """Return the row with the columns of the contract."""
        return {name: getattr(self, name) for name in contracts.REQUESTS.names}


_entry: ContextVar[RequestEntry] = ContextVar("entry")


def current_entry() -> RequestEntry:
    """Return the entry of the request being answered, or a new one."""
    return _entry.get(None) or start_entry("")


def start_entry(request_id: str) -> RequestEntry:
    """Start an entry at arrival, which `current_entry` returns from here on."""
    entry = RequestEntry(request_id[:MAX_NAME] or str(uuid.uuid4()))
    _entry.set(entry)
    return entry


def write_entry(recorder: Recorder, entry: RequestEntry, status: int, latency_ms: float, **tables: list[dict]) -> None:
    """Write a request's row and what its page shows, except of a mirrored request.

    `tables` may hold further rows of requests: what others did for this one.

    Raises:
        SpoolFull: the recorder cannot take it.
    """
    row = entry.row() | {"status": status, "latency_ms": latency_ms}
    if not entry.is_shadow:
        recorder.record(**tables | {"requests": [row, *tables.get("requests", [])]})
    entry.status = status


def finish_entry(recorder: Recorder, entry: RequestEntry, status: int, verb: str, seconds: float) -> None:
    """Count an answered request, and write its row unless the model did."""
    metrics.REQUESTS.labels(entry.version, verb, str(status)).inc()
    metrics.LATENCY.labels(entry.version, verb).observe(seconds)
    if entry.status is None:
        try:
            write_entry(recorder, entry, status, 1000 * seconds)
        except SpoolFull:  # which the recorder has logged, once
            metrics.UNRECORDED.inc()


class RequestLog:
    """ASGI middleware around KServe's application."""

    def __init__(self, app, recorder: Recorder, version: str):
        self.app = app
        self.recorder = recorder
        self.version = version

    async def __call__(self, scope, receive, send) -> None:
        """Answer one request, and see that its row is written whatever the answer."""
        path = scope.get("path", "")
        if path.startswith(REPOSITORY):
            await JSONResponse({"error": "not served here"}, 404)(scope, receive, send)
            return
        app = self.app
        match = VERSIONED.fullmatch(path)
        if match:
            path = match["model"] + match["rest"]
            scope = {**scope, "path": path, "raw_path": path.encode()}
            app = self.app if match["version"] == self.version else self._version_not_found(match["version"])
        verb = next((verb for end, verb in VERBS.items() if path.endswith(end)), None)
        if scope["type"] != "http" or verb is None:
            await app(scope, receive, send)
            return
        await self._answer_and_log(app, verb, scope, receive, send)

    def _version_not_found(self, version: str) -> JSONResponse:
        return JSONResponse({"error": f"version {version[:80]!r} is not served here; {self.version!r} is"}, 404)

    async def _answer_and_log(self, app, verb: str, scope, receive, send) -> None:
        headers = _clean_headers(scope["headers"], verb)
        entry = start_entry(dict(headers).get(b"x-request-id", b"").decode("latin-1"))
        entry.version = self.version
        entry.is_shadow = (b"x-shadow", b"1") in headers
        start = time.perf_counter()
        status = 500

        async def send_and_note(message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await _answer(app, {**scope, "headers": headers}, receive, send_and_note)
        finally:
            finish_entry(self.recorder, entry, status, verb, time.perf_counter() - start)


async def _answer(app, scope, receive, send) -> None:
    try:
        body = await read_body(scope, receive, MAX_BODY)
    except BodyError as error:
        await JSONResponse({"error": str(error)}, error.status)(scope, receive, send)
        return
    headers = [(name, value) for name, value in scope["headers"] if name not in BODY_HEADERS]
    await app({**scope, "headers": headers}, replay_body(body, receive), send)


def _clean_headers(headers: list[tuple[bytes, bytes]], verb: str) -> list[tuple[bytes, bytes]]:
    """Return the headers without a cloud event's, and with the content type that KServe needs.

    V1 is JSON. V2 goes through as bytes, for StrictDataPlane to decode: with or without binary tensors.
    """
    clean = [(name, value) for name, value in headers if not name.startswith(EVENT) and name != b"content-type"]
    return [*clean, (b"content-type", BYTES if verb == "infer" else JSON)]

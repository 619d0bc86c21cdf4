"""The REQUESTS row of each request, refused ones too: opened when it arrives, completed by the model, written once."""

import time
import uuid
from contextvars import ContextVar
from datetime import UTC, datetime

from fastapi.responses import JSONResponse

from components import contracts
from serving import metrics
from serving.asgi_body import MAX_BODY, again, body
from serving.recorder import Full, Recorder

ASKED = {":predict": "predict", ":explain": "explain", "/infer": "infer"}
CLOSED = "/v2/repository/"  # lets anyone unload the model
JSON = (b"content-type", b"application/json")
EVENT = b"ce-"  # a cloud event is no request to rank: without these headers KServe takes the body for what it is
_entry: ContextVar[dict] = ContextVar("entry")


def current() -> dict:
    """The row of the request being answered; a new one where nothing opened it."""
    return _entry.get(None) or opened("")


def opened(request_id: str) -> dict:
    """A row with what is known at arrival, which `current` gives from here on."""
    unknown = dict.fromkeys(("experiment_id", "user_hash", "assigned_arm", "version", "status"))
    counts = {"latency_ms": 0.0, "items": 0, "missing_features": 0, "shadow": False}
    entry = {"time": datetime.now(UTC), "request_id": request_id[:256] or str(uuid.uuid4()), **unknown, **counts}
    _entry.set(entry)
    return entry


def record(recorder: Recorder, entry: dict, status: int, latency_ms: float, **tables: list[dict]) -> None:
    """Write a request's row with what its page shows; nothing of a mirrored request, for no shopper sees its answer.

    Raises:
        Full: the recorder cannot take it.
    """
    row = {name: entry[name] for name in contracts.REQUESTS.names} | {"status": status, "latency_ms": latency_ms}
    if not entry["shadow"]:
        recorder.record(requests=[row], **tables)
    entry["status"] = status


def closed(recorder: Recorder, entry: dict, status: int, verb: str, seconds: float) -> None:
    """Count an answered request, and write its row unless the model did."""
    metrics.REQUESTS.labels(entry["version"], verb, str(status)).inc()
    metrics.LATENCY.labels(entry["version"], verb).observe(seconds)
    if entry["status"] is None:
        try:
            record(recorder, entry, status, 1000 * seconds)
        except Full:  # which the recorder has logged, once
            metrics.UNRECORDED.inc()


class RequestLog:
    """ASGI middleware around KServe's application."""

    def __init__(self, app, recorder: Recorder, version: str):
        self.app, self.recorder, self.version = app, recorder, version

    async def __call__(self, scope, receive, send) -> None:
        """Answer one request, and see that its row is written whatever the answer."""
        path = scope.get("path", "")
        if path.startswith(CLOSED):
            await JSONResponse({"error": "not served here"}, 404)(scope, receive, send)
            return
        verb = next((verb for end, verb in ASKED.items() if path.endswith(end)), None)
        if scope["type"] != "http" or verb is None:
            await self.app(scope, receive, send)
            return
        await self._logged(verb, scope, receive, send)

    async def _logged(self, verb: str, scope, receive, send) -> None:
        headers = [(name, value) for name, value in scope["headers"] if not name.startswith(EVENT)]
        if verb != "infer":  # V1 is JSON, whatever the caller says of it
            headers = [*((name, value) for name, value in headers if name != b"content-type"), JSON]
        entry = opened(dict(headers).get(b"x-request-id", b"").decode("latin-1"))
        entry |= {"version": self.version, "shadow": (b"x-shadow", b"1") in headers}
        started, answered = time.perf_counter(), {"status": 500}

        async def noted(message) -> None:
            if message["type"] == "http.response.start":
                answered["status"] = message["status"]
            await send(message)

        try:
            if (whole := await body(receive, MAX_BODY)) is None:
                sentence = f"the body is larger than {MAX_BODY} bytes; send fewer items, or shorter texts"
                await JSONResponse({"error": sentence}, 413)(scope, receive, noted)
            else:
                await self.app({**scope, "headers": headers}, again(whole, receive), noted)
        finally:
            closed(self.recorder, entry, answered["status"], verb, time.perf_counter() - started)

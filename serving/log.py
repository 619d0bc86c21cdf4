"""The REQUESTS row of each request, refused ones too: opened when it arrives, completed by the model, written once."""

import time
import uuid
from contextvars import ContextVar
from datetime import UTC, datetime

from components import contracts
from serving import metrics
from serving.exposures import Full, Recorder

ASKED = (":predict", ":explain", "/infer")
CLOSED = "/v2/repository/"  # lets anyone unload the model
_entry: ContextVar[dict] = ContextVar("entry")


def current() -> dict:
    """The row of the request being answered; a new one where no `RequestLog` opened it."""
    return _entry.get(None) or opened("")


def opened(request_id: str) -> dict:
    """A row with what is known at arrival."""
    unknown = dict.fromkeys(("experiment_id", "user_hash", "assigned_arm", "version", "status"))
    counts = {"latency_ms": 0.0, "items": 0, "missing_features": 0, "shadow": False}
    return {"time": datetime.now(UTC), "request_id": request_id or str(uuid.uuid4()), **unknown, **counts}


def record(recorder: Recorder, entry: dict, status: int, latency_ms: float, **tables: list[dict]) -> None:
    """Write a request's row with what its page shows; nothing of a mirrored request, for no shopper sees its answer.

    Raises:
        Full: the recorder cannot take it.
    """
    row = {name: entry[name] for name in contracts.REQUESTS.names} | {"status": status, "latency_ms": latency_ms}
    if not entry["shadow"]:
        recorder.record(requests=[row], **tables)
    entry["status"] = status


class RequestLog:
    """ASGI middleware around KServe's application."""

    def __init__(self, app, recorder: Recorder, version: str):
        self.app, self.recorder, self.version = app, recorder, version

    async def __call__(self, scope, receive, send) -> None:
        """Answer one request, and see that its row is written whatever the answer."""
        path = scope.get("path", "")
        if path.startswith(CLOSED):
            await send({"type": "http.response.start", "status": 404, "headers": []})
            await send({"type": "http.response.body", "body": b"not served here"})
            return
        if scope["type"] != "http" or not path.endswith(ASKED):
            await self.app(scope, receive, send)
            return
        await self._logged(scope, receive, send)

    async def _logged(self, scope, receive, send) -> None:
        # a cloud event is no request to rank: without these headers KServe takes the body for what it is
        headers = [(name, value) for name, value in scope["headers"] if not name.startswith(b"ce-")]
        entry = opened(dict(headers).get(b"x-request-id", b"").decode("latin-1")[:256])
        entry["version"] = self.version
        entry["shadow"] = (b"x-shadow", b"1") in headers
        _entry.set(entry)
        started, answered = time.perf_counter(), {"status": 500}

        async def noted(message) -> None:
            if message["type"] == "http.response.start":
                answered["status"] = message["status"]
            await send(message)

        try:
            await self.app({**scope, "headers": headers}, receive, noted)
        finally:
            self._close(entry, answered["status"], scope["path"], 1000 * (time.perf_counter() - started))

    def _close(self, entry: dict, status: int, path: str, latency_ms: float) -> None:
        verb = next(verb for verb in ASKED if path.endswith(verb))
        metrics.REQUESTS.labels(self.version, verb.strip(":/"), str(status)).inc()
        if entry["status"] is None:
            try:
                record(self.recorder, entry, status, latency_ms)
            except Full as error:
                metrics.UNRECORDED.inc()
                metrics.log.error("a request answered %d is not in the log: %s", status, error)

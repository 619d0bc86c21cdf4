"""Waits until a side serves a version, by tiny synthetic requests through the gateway, which are no exposures."""

import json
import urllib.error
import urllib.request
from collections.abc import Callable
from http.client import HTTPResponse

from components.waiting import wait_until

PROBE = {"query": "probe", "instances": [{"title": "probe"}], "request_id": "probe"}
KNATIVE_TAGS = {"treatment": "latest", "control": "prev"}  # an arm in Knative's words
SERVING_TIMEOUT_S = 120.0
ROLLOUT_S = 600.0  # of pods, to start: images, packages and features are fetched first, one pod after the other
ANSWERS_IN_A_ROW = 20  # from one version, before no pod of another is thought to be left
WaitReady = Callable[[str, str], None]  # (arm, version): returns when that arm's side serves that version


def wait_until_serves(gateway_url: str, timeout_s: float = SERVING_TIMEOUT_S) -> WaitReady:
    """Return a wait that asks the gateway by arm until the right version answers."""

    def wait(arm: str, version: str) -> None:
        answering = wait_until(
            lambda: probe_repeatedly(gateway_url, arm, version), lambda answer: answer == version, timeout_s, 0.25
        )
        if answering != version:
            raise TimeoutError(
                f"{arm} at {gateway_url} is answered by {answering or 'nobody'} after {timeout_s:.0f} s, "
                f"not by {version}: look at that server's log, then run this step again"
            )

    return wait


def probe_repeatedly(gateway_url: str, arm: str, version: str) -> str:
    """Return `version` if it gives every answer in a row, else the first other version."""
    for _ in range(ANSWERS_IN_A_ROW):
        answering = probe(gateway_url, arm)
        if answering != version:
            return answering
    return version


def request_candidate(gateway_url: str, requests: int = 10) -> list[int]:
    """Send some synthetic requests to the candidate, and return their statuses, 503 for no answer."""
    return [_candidate_status(gateway_url) for _ in range(requests)]


def _candidate_status(gateway_url: str) -> int:
    try:
        with ask(gateway_url, "treatment", PROBE, timeout_s=2) as response:
            return response.status
    except urllib.error.HTTPError as error:
        error.close()
        return error.code
    except OSError:
        return 503


def ask(gateway_url: str, arm: str, body: dict, timeout_s: float) -> HTTPResponse:
    """Send a synthetic request to one arm, and return the response, to be closed."""
    headers = {
        "content-type": "application/json",
        "x-arm": arm,
        "knative-serving-tag": KNATIVE_TAGS[arm],
        "x-shadow": "1",
    }
    url = f"{gateway_url.rstrip('/')}/v1/models/relevance:predict"
    return urllib.request.urlopen(urllib.request.Request(url, json.dumps(body).encode(), headers), timeout=timeout_s)


def probe(gateway_url: str, arm: str) -> str:
    """Return the version that answers an arm, "" if nobody does."""
    try:
        with ask(gateway_url, arm, PROBE, timeout_s=10) as response:
            return response.headers.get("x-model-version") or ""
    except OSError:  # refused, reset, timed out or an error status: the side is not up yet
        return ""

"""Waits until a side serves a version, by tiny synthetic requests through the gateway, which are no exposures."""

import json
import urllib.request
from collections.abc import Callable
from http.client import HTTPResponse

from tenacity import RetryError, Retrying, retry_if_result, stop_after_delay, wait_fixed

PROBE = {"query": "probe", "instances": [{"title": "probe"}], "request_id": "probe"}
KNATIVE_TAGS = {"treatment": "latest", "control": "prev"}  # an arm in Knative's words
SERVING_TIMEOUT_S = 120.0
WaitReady = Callable[[str, str], None]  # (arm, version): returns when that arm's side serves that version


def wait_until(is_true: Callable[[], bool], timeout_s: float, pause_s: float, failure: Callable[[], str]) -> None:
    """Ask until it is true.

    Raises:
        TimeoutError: it is not in time; `failure` says what is the case instead.
    """
    attempts = Retrying(
        stop=stop_after_delay(timeout_s),
        wait=wait_fixed(min(pause_s, timeout_s)),
        retry=retry_if_result(lambda result: not result),
    )
    try:
        attempts(is_true)
    except RetryError:
        raise TimeoutError(f"{failure()} after {timeout_s:.0f} s") from None


def wait_until_serves(gateway_url: str, timeout_s: float = SERVING_TIMEOUT_S) -> WaitReady:
    """Return a wait that asks the gateway by arm until the right version answers."""

    def wait(arm: str, version: str) -> None:
        attempts = Retrying(
            stop=stop_after_delay(timeout_s),
            wait=wait_fixed(0.25),
            retry=retry_if_result(lambda answering_version: answering_version != version),
        )
        try:
            attempts(probe, gateway_url, arm)
        except RetryError as error:
            answering_version = error.last_attempt.result() or "nobody"
            raise TimeoutError(
                f"{arm} at {gateway_url} is answered by {answering_version} after {timeout_s:.0f} s, "
                f"not by {version}: look at that server's log, then run this step again"
            ) from None

    return wait


def ask(gateway_url: str, arm: str, body: dict, timeout_s: float) -> HTTPResponse:
    """Send a synthetic request to one arm through the gateway, and return the response, to be closed."""
    headers = {
        "content-type": "application/json",
        "x-arm": arm,
        "knative-serving-tag": KNATIVE_TAGS[arm],
        "x-shadow": "1",
    }
    url = f"{gateway_url.rstrip('/')}/v1/models/relevance:predict"
    return urllib.request.urlopen(urllib.request.Request(url, json.dumps(body).encode(), headers), timeout=timeout_s)


def probe(gateway_url: str, arm: str) -> str:
    """Return the version that answers an arm; "" where nobody does."""
    try:
        with ask(gateway_url, arm, PROBE, timeout_s=10) as response:
            return response.headers.get("x-model-version") or ""
    except OSError:  # refused, reset, timed out or an error status: the side is not up yet
        return ""

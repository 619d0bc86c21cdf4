"""Waits until a side serves a version, by tiny synthetic requests through the gateway, which are no exposures.

A candidate is blamed only where the gateway answers for stable: else the gateway itself is what does not answer.
"""

import json
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPException
from urllib.parse import urlsplit

from components.release.gateway import UnreachableGateway
from components.waiting import wait_until

PROBE = {"query": "probe", "instances": [{"title": "probe"}], "request_id": "probe"}
KNATIVE_TAGS = {"treatment": "latest", "control": "prev", "interleave": ""}  # an arm in Knative's words
OTHER_ARM = {"treatment": "control", "control": "treatment", "interleave": "control"}
SERVING_TIMEOUT_S = 120.0
ROLLOUT_S = 600.0  # of pods, to start: images, packages and features are fetched first, one pod after the other
REACHABLE_S = 30.0  # for a gateway that answers no arm at all, before the wait is given up
ANSWERS_IN_A_ROW = 20  # from one version, before no pod of another is thought to be left
NO_ANSWER = 0  # in place of a status
WaitReady = Callable[[str, str], None]  # (arm, version): returns when that arm's side serves that version


@dataclass(frozen=True)
class ArmAnswer:
    """What a synthetic request to one arm got."""

    status: int = NO_ANSWER
    version: str = ""  # of who answered
    content: bytes = b""
    error: str = ""  # why there is no answer

    @property
    def is_served(self) -> bool:
        return self.status == 200

    @property
    def problem(self) -> str:
        """Return why this is no prediction, "" if it is one."""
        return "" if self.is_served else self.error or f"status {self.status}"


def wait_until_serves(gateway_url: str, timeout_s: float = SERVING_TIMEOUT_S) -> WaitReady:
    """Return a wait that asks the gateway by arm until the right version answers.

    The wait raises TimeoutError where the gateway answers for the other arm alone, and UnreachableGateway where it
    answers for neither.
    """

    def wait(arm: str, version: str) -> None:
        is_reachable = wait_until(lambda: reaches(gateway_url), bool, min(timeout_s, REACHABLE_S), 0.25)
        if not is_reachable:
            check_gateway(gateway_url, OTHER_ARM[arm])
        answer = wait_until(
            lambda: probe_repeatedly(gateway_url, arm, version),
            lambda answer: answer.version == version,
            timeout_s,
            0.25,
        )
        if answer.version == version:
            return
        if not answer.is_served:
            check_gateway(gateway_url, OTHER_ARM[arm])
        raise TimeoutError(
            f"{arm} at {gateway_url} is answered by {answer.version or 'nobody'} after {timeout_s:.0f} s, "
            f"not by {version}: look at that server's log, then run this step again"
        )

    return wait


def wait_at_interleaver(wait: WaitReady, interleaver_url: str, timeout_s: float = SERVING_TIMEOUT_S) -> WaitReady:
    """Return the wait, with an interleaver asked at its own address.

    In Knative mode no gateway leads to it.
    """

    def wait_by_arm(arm: str, version: str) -> None:
        if arm != "interleave":
            wait(arm, version)
            return
        answer = wait_until(
            lambda: probe_repeatedly(interleaver_url, arm, version),
            lambda answer: answer.version == version,
            timeout_s,
            0.25,
        )
        if answer.version != version:
            who = answer.version or f"nobody ({answer.problem})"
            raise TimeoutError(
                f"{interleaver_url} is answered by {who} after {timeout_s:.0f} s, not by {version}: "
                "see `kubectl describe deployment relevance-interleaver`"
            )

    return wait_by_arm


def probe_repeatedly(gateway_url: str, arm: str, version: str) -> ArmAnswer:
    """Return an answer that `version` does not give, else the last in a row."""
    for _ in range(ANSWERS_IN_A_ROW):
        answer = send(gateway_url, arm, PROBE)
        if answer.version != version:
            break
    return answer


def reaches(gateway_url: str) -> bool:
    """Return true where the gateway answers for an arm, whatever its answer."""
    return any(send(gateway_url, arm, PROBE).status != NO_ANSWER for arm in OTHER_ARM)


def gateway_problem(gateway_url: str, arm: str = "control") -> str:
    """Return why the gateway does not answer for an arm, "" if it does.

    It is asked after it has not answered for the other arm.
    """
    problem = send(gateway_url, arm, PROBE).problem
    if not problem:
        return ""
    return (
        f"the gateway at {urlsplit(gateway_url).netloc} does not answer for either arm: {problem}; "
        "check BROADFAST_GATEWAY_URL, DNS and network policies"
    )


def check_gateway(gateway_url: str, arm: str = "control") -> None:
    """Check that the gateway answers for an arm.

    Call it once it has not answered for the other arm.

    Raises:
        UnreachableGateway: it does not; the sentence names its host, and the next look or pass tries again.
    """
    if problem := gateway_problem(gateway_url, arm):
        raise UnreachableGateway(problem)


def request_candidate(gateway_url: str, requests: int = 10) -> list[int]:
    """Send some synthetic requests to the candidate, and return their statuses, `NO_ANSWER` for none."""
    return [send(gateway_url, "treatment", PROBE, timeout_s=2).status for _ in range(requests)]


def request_by_share(gateway_url: str, requests: int = 10) -> list[ArmAnswer]:
    """Send some synthetic requests that name no arm, and return what they got.

    One without any answer stands for those after it, which are not sent.
    """
    answers = []
    for _ in range(requests):
        answers.append(send(gateway_url, "", PROBE, timeout_s=2))
        if answers[-1].status == NO_ANSWER:
            break
    return answers + answers[-1:] * (requests - len(answers))


def send(gateway_url: str, arm: str, body: dict, timeout_s: float = 10) -> ArmAnswer:
    """Send a synthetic request to an arm, "" by share, and return its answer."""
    headers = {"content-type": "application/json", "x-shadow": "1"}
    headers |= {"x-arm": arm, "knative-serving-tag": KNATIVE_TAGS[arm]} if arm else {}
    url = f"{gateway_url.rstrip('/')}/v1/models/relevance:predict"
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=timeout_s) as response:
            return ArmAnswer(response.status, response.headers.get("x-model-version") or "", response.read())
    except urllib.error.HTTPError as error:
        error.close()
        return ArmAnswer(error.code)
    except (OSError, HTTPException) as error:  # no connection, no name, no answer in time, or none in HTTP
        reason = getattr(error, "reason", error)
        return ArmAnswer(error=getattr(reason, "strerror", None) or str(reason))

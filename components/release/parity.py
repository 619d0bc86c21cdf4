"""Whether a dark candidate answers through the gateway as it did offline, by synthetic requests."""

import json
from collections.abc import Callable, Mapping

from components import storage
from components.release.candidate import EXPECTED
from components.release.readiness import ArmAnswer, check_gateway, send
from components.waiting import wait_until

LARGEST_DIFFERENCE = 0.05  # of a probability: int8 depends on the kind of CPU a little
TIMEOUT_S = 30.0
PATIENCE_S = 10.0  # with a pair that is not answered


def parity_through(gateway_url: str, patience_s: float = PATIENCE_S) -> Callable[[str], str]:
    """Return a check that says where a version's answers differ from its offline ones.

    The check raises UnreachableGateway where neither arm is answered.
    """

    def check(version: str) -> str:
        offline_answers = storage.get_json(EXPECTED.format(version=version)) or []
        different_pairs = []
        for pair in offline_answers:
            answer = send_pair(gateway_url, pair, patience_s)
            if not answer.is_served:
                check_gateway(gateway_url)
                return f"the candidate does not answer {_quote(pair)} through the gateway: {answer.problem}"
            if abs(_exact(answer) - pair["exact"]) > LARGEST_DIFFERENCE:
                different_pairs.append(pair)
        if not different_pairs:
            return ""
        counts = f"{len(different_pairs)} of {len(offline_answers)}"
        return f"{counts} answers through the gateway are not the offline ones, as of {_quote(different_pairs[0])}"

    return check


def send_pair(gateway_url: str, pair: Mapping, patience_s: float) -> ArmAnswer:
    """Send a pair to the candidate until it is answered, and return the last answer."""
    body = {"query": pair["query"], "instances": [{"title": pair["title"]}], "request_id": "parity"}
    return wait_until(
        lambda: send(gateway_url, "treatment", body, TIMEOUT_S), lambda answer: answer.is_served, patience_s
    )


def _exact(answer: ArmAnswer) -> float:
    return json.loads(answer.content)["predictions"][0]["probabilities"]["Exact"]


def _quote(pair: Mapping) -> str:
    return "{query!r} / {title!r}".format(**pair)

"""Whether a dark candidate answers through the gateway as it did offline, by synthetic requests."""

import json
from collections.abc import Callable, Mapping

from components import storage
from components.release.candidate import EXPECTED
from components.release.readiness import ask

LARGEST_DIFFERENCE = 0.05  # of a probability: int8 depends on the kind of CPU a little
TIMEOUT_S = 30.0


def parity_through(gateway_url: str) -> Callable[[str], str]:
    """Return a check that says where a version's answers differ from its offline ones."""

    def check(version: str) -> str:
        answers = storage.get_json(EXPECTED.format(version=version)) or []
        different = [answer for answer in answers if not _is_same(gateway_url, answer)]
        if not different:
            return ""
        pair = "{query!r} / {title!r}".format(**different[0])
        return f"{len(different)} of {len(answers)} answers through the gateway are not the offline ones, as of {pair}"

    return check


def _is_same(gateway_url: str, answer: Mapping) -> bool:
    exact = ask_exact(gateway_url, answer["query"], answer["title"])
    return abs(exact - answer["exact"]) <= LARGEST_DIFFERENCE


def ask_exact(gateway_url: str, query: str, title: str) -> float:
    """Return the probability of Exact that the candidate gives a pair."""
    body = {"query": query, "instances": [{"title": title}], "request_id": "parity"}
    with ask(gateway_url, "treatment", body, TIMEOUT_S) as response:
        return json.load(response)["predictions"][0]["probabilities"]["Exact"]

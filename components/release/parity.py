"""Whether a dark candidate answers through the gateway as it did offline: synthetic requests, never exposures."""

import json
from collections.abc import Callable

from components import storage
from components.release.candidate import EXPECTED
from components.release.readiness import ask

LARGEST = 0.05  # difference of a probability: int8 depends on the kind of CPU a little
TIMEOUT_S = 30.0


def parity_through(gateway_url: str) -> Callable[[str], str]:
    """Of a version: why its answers are not those the gate saw offline; nothing where they are, or none are known."""

    def check(version: str) -> str:
        expected = storage.get_json(EXPECTED.format(version=version)) or []
        different = [row for row in expected if abs(exact(gateway_url, row) - row["exact"]) > LARGEST]
        if not different:
            return ""
        named = f"{different[0]['query']!r} / {different[0]['title']!r}"
        return (
            f"{len(different)} of {len(expected)} answers through the gateway are not the offline ones, as of {named}"
        )

    return check


def exact(gateway_url: str, row: dict) -> float:
    """The probability of Exact that the candidate gives a pair."""
    body = {"query": row["query"], "instances": [{"title": row["title"]}], "request_id": "parity"}
    with ask(gateway_url, "treatment", body, TIMEOUT_S) as answer:
        return json.load(answer)["predictions"][0]["probabilities"]["Exact"]

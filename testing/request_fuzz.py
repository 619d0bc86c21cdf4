"""Send a relevance server whatever callers might send, and count its answers of 5xx: there should be none.

`python -m testing.request_fuzz URL --ids i1 i2 --tries 10000`
"""

import argparse
import json
from collections import Counter
from dataclasses import dataclass, field

import httpx
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from testing import request_bodies

TRIES = 10_000
CONTENT_TYPES = ["application/json", "text/plain", "application/octet-stream", "application/cloudevents+json", "*", ""]
VERBS = ["v1/models/relevance:predict", "v1/models/relevance:explain", "v2/models/relevance/infer"]
V1_VERBS = VERBS[:2]
INVALID_BODIES = (
    request_bodies.rankings().map(request_bodies.encode)
    | request_bodies.tensors().map(request_bodies.encode)
    | request_bodies.ANYTHING.map(request_bodies.encode)
    | st.binary(max_size=200)
    | st.sampled_from([b"[" * 5000, b"{" * 5000, b'{"query": ' + b'"' + b"x" * 2**20 + b'"}'])
)
HEADERS = st.fixed_dictionaries(
    {"content-type": st.sampled_from(CONTENT_TYPES)},
    optional={
        "x-arm": st.sampled_from(["control", "treatment", "left"]),
        "x-request-id": st.text("abc\xe9", max_size=300).map(lambda name: name.encode("latin-1")),
        "inference-header-content-length": st.sampled_from(["0", "10", "-1", "x", "99999999999"]),
        "ce-specversion": st.sampled_from(["1.0", "x"]),
        "content-encoding": st.sampled_from(["gzip", "deflate", "identity", "br", "x"]),
    },
)


@dataclass
class FuzzTally:
    """The answers to fuzzed requests."""

    codes: Counter = field(default_factory=Counter)  # of all requests
    valid_codes: Counter = field(default_factory=Counter)  # of valid requests
    failures: list[dict] = field(default_factory=list)

    def add(self, request: "FuzzRequest", code: int) -> None:
        """Count an answer, and keep a request that was answered wrongly."""
        self.codes[code] += 1
        self.valid_codes[code] += request.is_valid
        if code >= 500 or (request.is_valid and code != 200):
            content = request.content[:300].decode("latin-1")
            self.failures.append({"path": request.path, "content": content, "headers": str(request.headers)})

    def figures(self) -> dict:
        """Return the counts by name."""
        server_errors = sum(count for code, count in self.codes.items() if code >= 500)
        by_code = {f"fuzz_{code}": count for code, count in sorted(self.codes.items())}
        return {
            "fuzz_requests": self.codes.total(),
            "fuzz_5xx": server_errors,
            **by_code,
            "fuzz_right": self.valid_codes.total(),
            "fuzz_right_refused": self.valid_codes.total() - self.valid_codes[200],
            "fuzz_first_wrong": json.dumps(self.failures[:3]),
        }


@dataclass(frozen=True)
class FuzzRequest:
    """A request to send."""

    path: str
    content: bytes
    headers: dict
    is_valid: bool


def requests(ids: list[str]) -> st.SearchStrategy:
    """Return requests, a third of them valid for a server with the items `ids`."""
    invalid = st.builds(FuzzRequest, st.sampled_from(VERBS), INVALID_BODIES, HEADERS, st.just(False))
    bodies = request_bodies.valid_rankings(ids).map(request_bodies.encode)
    headers = st.fixed_dictionaries({"content-type": st.sampled_from(CONTENT_TYPES)})
    valid = st.builds(FuzzRequest, st.sampled_from(V1_VERBS), bodies, headers, st.just(True))
    return st.one_of(invalid, invalid, valid)


def fuzz_figures(url: str, ids: list[str], tries: int = TRIES) -> dict:
    """Send requests and count their answers by code.

    `ids` are items that the server knows, so that a third of the requests are valid: 200 is due to them.
    """
    tally = FuzzTally()
    options = settings(
        max_examples=tries, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
    )
    with httpx.Client(base_url=url, timeout=30) as http:

        @options
        @given(requests(ids))
        def send(request: FuzzRequest) -> None:
            answer = http.post(f"/{request.path}", content=request.content, headers=request.headers)
            tally.add(request, answer.status_code)

        send()
    return tally.figures()


def main() -> None:
    """Fuzz a running server."""
    parser = argparse.ArgumentParser(prog="python -m testing.request_fuzz", description=__doc__)
    parser.add_argument("url", help="of the server, as http://127.0.0.1:8080")
    parser.add_argument("--ids", nargs="+", default=["i1"], help="items that the server knows")
    parser.add_argument("--tries", type=int, default=TRIES)
    options = parser.parse_args()
    print(json.dumps(fuzz_figures(options.url, options.ids, options.tries), indent=1))


if __name__ == "__main__":
    main()

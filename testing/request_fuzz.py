"""Sends a relevance server whatever callers might send, and counts the answers of 5xx: there should be none.

`python -m testing.request_fuzz URL --ids i1 i2 --tries 10000`
"""

import argparse
import json
from collections import Counter

import httpx
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from testing import request_bodies

TRIES = 10_000
KINDS = ["application/json", "text/plain", "application/octet-stream", "application/cloudevents+json", "*", ""]
VERBS = ["v1/models/relevance:predict", "v1/models/relevance:explain", "v2/models/relevance/infer"]
RIGHT = st.sampled_from(VERBS[:2])  # the verbs of V1
SENT = (
    request_bodies.rankings().map(request_bodies.encoded)
    | request_bodies.tensors().map(request_bodies.encoded)
    | request_bodies.ANYTHING.map(request_bodies.encoded)
    | st.binary(max_size=200)
    | st.sampled_from([b"[" * 5000, b"{" * 5000, b'{"query": ' + b'"' + b"x" * 2**20 + b'"}'])
)
HEADERS = st.fixed_dictionaries(
    {"content-type": st.sampled_from(KINDS)},
    optional={
        "x-arm": st.sampled_from(["control", "treatment", "left"]),
        "x-request-id": st.text("abc\xe9", max_size=300).map(lambda name: name.encode("latin-1")),
        "inference-header-content-length": st.sampled_from(["0", "10", "-1", "x", "99999999999"]),
        "ce-specversion": st.sampled_from(["1.0", "x"]),
        "content-encoding": st.sampled_from(["gzip", "deflate", "identity", "br", "x"]),
    },
)


def fuzz_figures(url: str, ids: list[str], tries: int = TRIES) -> dict:
    """How many requests were sent, how they were answered, and how many that were right were not answered with 200.

    `ids` are items that the server knows: a third of the requests are right, between those that are not.
    """
    codes, broke, right = Counter(), [], Counter()
    wrong = st.tuples(st.sampled_from(VERBS), SENT, st.just(False))
    sent = st.one_of(
        wrong, wrong, st.tuples(RIGHT, request_bodies.right(ids).map(request_bodies.encoded), st.just(True))
    )
    with httpx.Client(base_url=url, timeout=30) as http:

        @settings(
            max_examples=tries, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
        )
        @given(sent, HEADERS)
        def send(drawn: tuple, headers: dict) -> None:
            path, content, is_right = drawn
            headers = {"content-type": headers["content-type"]} if is_right else headers
            code = http.post(f"/{path}", content=content, headers=headers).status_code
            codes[code] += 1
            right[code] += is_right
            if code >= 500 or (is_right and code != 200):
                broke.append({"path": path, "content": content[:300].decode("latin-1"), "headers": str(headers)})

        send()
    failed = sum(count for code, count in codes.items() if code >= 500)
    by_code = {f"fuzz_{code}": count for code, count in sorted(codes.items())}
    by_code |= {"fuzz_right": right.total(), "fuzz_right_refused": right.total() - right[200]}
    return {"fuzz_tries": codes.total(), "fuzz_5xx": failed, **by_code, "fuzz_first_wrong": json.dumps(broke[:3])}


def main() -> None:
    """Fuzz a server that runs."""
    parser = argparse.ArgumentParser(prog="python -m testing.request_fuzz", description=__doc__)
    parser.add_argument("url", help="of the server, as http://127.0.0.1:8080")
    parser.add_argument("--ids", nargs="+", default=["i1"], help="items that the server knows")
    parser.add_argument("--tries", type=int, default=TRIES)
    options = parser.parse_args()
    print(json.dumps(fuzz_figures(options.url, options.ids, options.tries), indent=1))


if __name__ == "__main__":
    main()

"""The server's metrics for Prometheus, by version; KServe's /metrics shows them with its own.

Import this before Feast, which would otherwise move every metric of the process into files of its own.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import Counter, Gauge, Histogram

SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.035, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5)
ITEMS = (1, 5, 10, 20, 50, 100, 200, 500, 1000)

REQUESTS = Counter("broadfast_requests", "Requests by verb and status code", ("version", "verb", "code"))
LATENCY = Histogram("broadfast_request_seconds", "Time to an answer", ("version", "verb"), buckets=SECONDS)
STAGES = Histogram("broadfast_stage_seconds", "Time of a request's stages", ("version", "stage"), buckets=SECONDS)
BATCH = Histogram("broadfast_request_items", "Items of a request that was scored", ("version",), buckets=ITEMS)
AGE = Gauge("broadfast_features_age_seconds", "Age of the oldest statistics that the last request used", ("version",))
MISSING = Counter("broadfast_features_missing", "Feature values replaced by their defaults", ("version",))
STALE = Counter("broadfast_features_stale", "Items whose features were over their age limit", ("version",))
DEGRADED = Counter("broadfast_features_degraded", "Requests answered while the store did not answer", ("version",))
REMEMBERED = Counter("broadfast_pairs_remembered", "Pairs whose score was not computed again", ("version",))
UNRECORDED = Counter("broadfast_requests_unrecorded", "Refused requests that the log could not take")


class Stages:
    """The time that each stage of one request took."""

    def __init__(self, version: str):
        self.version = version
        self.seconds = {}

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        """Time a block as part of a stage."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[stage] = self.seconds.get(stage, 0.0) + time.perf_counter() - start

    def observe(self) -> str:
        """Count the request's stages, and return their times (ms) as a Server-Timing header (W3C)."""
        for stage, seconds in self.seconds.items():
            STAGES.labels(self.version, stage).observe(seconds)
        return ", ".join(f"{stage};dur={1000 * seconds:.3f}" for stage, seconds in self.seconds.items())

"""Whether a candidate that has traffic is broken, by its pods and by synthetic requests through the gateway."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from scipy.stats import binom

UNAVAILABLE_S = 10.0  # without any pod, before it counts: a restart of one pod is no matter
WINDOW = 200  # requests that are looked back at
ERROR_RATE_BOUND = 0.01  # until a look tells the plan's
SIGNIFICANCE = 1e-4  # that a candidate at the bound is taken for a worse one


@dataclass
class CandidateHealth:
    """The last requests to one candidate, and since when it has no pod."""

    clock: Callable[[], float] = time.monotonic
    version: str = ""
    unavailable_since: float | None = None
    errors: deque[bool] = field(default_factory=lambda: deque(maxlen=WINDOW))

    def problem(self, version: str, outage: str, statuses: list[int], bound: float | None = None) -> str:
        """Return why a candidate is broken, "" if it is not.

        `outage` says why no pod of it is available, `statuses` are those of the newest requests to it, and `bound` is
        the error rate that it may have.
        """
        if version != self.version:
            self.version = version
            self.unavailable_since = None
            self.errors.clear()
        self.errors.extend(status >= 500 for status in statuses)
        return self._outage_problem(outage) or self._error_problem(ERROR_RATE_BOUND if bound is None else bound)

    def _outage_problem(self, outage: str) -> str:
        if not outage:
            self.unavailable_since = None
            return ""
        if self.unavailable_since is None:
            self.unavailable_since = self.clock()
        seconds = self.clock() - self.unavailable_since
        return f"the candidate does not serve: {outage} for {seconds:.0f} s" if seconds >= UNAVAILABLE_S else ""

    def _error_problem(self, bound: float) -> str:
        requests = len(self.errors)
        errors = sum(self.errors)
        if not errors or binom.sf(errors - 1, requests, bound) > SIGNIFICANCE:
            return ""
        return f"the candidate answers {errors} of {requests} requests with an error, over {bound:.1%}"

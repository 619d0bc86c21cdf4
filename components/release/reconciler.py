"""The loop of `release-control`: it brings KServe and routes to the desired state on S3.

It alone holds the rights to move traffic. A candidate that has traffic and is broken is taken out within 30 seconds.
"""

import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from minio.error import S3Error
from urllib3.exceptions import HTTPError

from components.release import canary, state_machine
from components.release.candidate_health import CandidateHealth
from components.release.context import ReleaseContext
from components.release.gateway import note_gateway_problem, record_gateway_problem
from components.release.readiness import NO_ANSWER
from components.release.version_count import VersionCount, is_news
from components.release_state import ReleaseState
from components.release_store import read_state, update_state

PAUSE_S = 3.0
SERVE_AGAIN_S = 60.0  # what somebody deleted or changed by hand comes back after so long
FAILURES = (ValueError, OSError, RuntimeError, S3Error, HTTPError)


@dataclass
class Reconciler:
    """Brings traffic to the desired state, pass by pass."""

    context: ReleaseContext
    clock: Callable[[], float] = time.monotonic
    health: CandidateHealth = field(default_factory=CandidateHealth)
    versions: VersionCount = field(default_factory=VersionCount)
    revision: int = -1  # of the state that was served last
    served_at: float = 0.0
    sentence: str = ""  # the last failure, printed once

    def reconcile(self) -> ReleaseState:
        """Take out a broken candidate, serve both sides, and move traffic as intended.

        Raises:
            TimeoutError, ConnectionError, PermissionError: of the gateway, S3 or the API server; the next pass goes on.
        """
        with record_gateway_problem(self.context.gateway_problem):
            return self._reconcile()

    def _reconcile(self) -> ReleaseState:
        state = self._take_out_broken_candidate(read_state())
        if state.revision != self.revision or self.clock() - self.served_at > SERVE_AGAIN_S:
            self.context.router.serve(state.stable, state.candidate, interleaves=state.needs_interleaver)
            self.revision = state.revision
            self.served_at = self.clock()
        if state.intent:
            return canary.finish(self.context)
        if state.stable:
            canary.reconcile_traffic(self.context, state)
        return self._count_versions(state)

    def _count_versions(self, state: ReleaseState) -> ReleaseState:
        """Note whether requests are answered by the share, or that this is not seen."""
        problem = self.versions.judge(state, self.context.request_by_share()) if state.candidate else ""
        if problem is None or not is_news(problem, state.share_problem):
            return state
        what = "requests are not answered by the share" if problem else "requests by share raise no doubt any more"
        facts = {"reason": problem} if problem else {}
        return update_state(lambda state: replace(state, share_problem=problem), what, **facts)

    def _take_out_broken_candidate(self, state: ReleaseState) -> ReleaseState:
        experiment = state.running_experiment
        is_promoted = bool(state.intent) and state.intent.action in (state_machine.PROMOTION_BEGUN, "end")
        is_seen = bool(experiment) and bool(state.traffic_percent or experiment.interleaved_share)
        if not is_seen or is_promoted:
            return state
        outage = self.context.router.candidate_outage(state.candidate)
        statuses = self._candidate_statuses()
        problem = self.health.problem(state.candidate, outage, statuses, experiment.error_rate_bound)
        return canary.roll_back_now(self.context, problem) if problem else state

    def _candidate_statuses(self) -> list[int]:
        """Return the statuses of requests to the candidate, with 503 where stable alone is answered."""
        statuses = self.context.request_candidate()
        if NO_ANSWER not in statuses:
            return statuses
        problem = self.context.gateway_problem()
        if problem:
            note_gateway_problem(problem)
            return [status for status in statuses if status != NO_ANSWER]
        return [503 if status == NO_ANSWER else status for status in statuses]

    def run(self, stop: threading.Event, pause_s: float = PAUSE_S) -> None:
        """Reconcile every few seconds until the stop, and print each new failure once."""
        while not stop.is_set():
            self.pass_once()
            stop.wait(pause_s)

    def pass_once(self) -> None:
        """Do one pass, and print what goes wrong."""
        try:
            state = self.reconcile()
            sentence = f"revision {state.revision}: {state.traffic_percent}% to {state.candidate or 'no candidate'}"
        except FAILURES as error:
            sentence = str(error)
        if sentence != self.sentence:
            print(sentence, file=sys.stderr, flush=True)
            self.sentence = sentence

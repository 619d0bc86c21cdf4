"""What came of a version that was tried before, read from the history of the release's state."""

from dataclasses import dataclass

from components.release_state import ENDS, ReleaseState


@dataclass(frozen=True)
class Trial:
    """An experiment that ended: candidate and stable version, how, when and why."""

    candidate: str
    stable: str
    status: str  # one of ENDS
    end_time: str  # ISO 8601
    reason: str

    def __str__(self) -> str:
        why = f": {self.reason}" if self.reason else ""
        return f"{self.candidate} was tried against {self.stable} until {self.end_time:.10}, {self.status}{why}"


def last_trial(state: ReleaseState, version: str) -> Trial | None:
    """Return the version's last ended experiment against today's stable version, or None.

    A version that is tried night after night until a look is in its favour is promoted by chance.
    """
    trial = None
    candidate = stable = None
    for entry in state.history:
        experiment = entry.new_values.get("experiment") or {}
        if experiment.get("status") in ENDS and (candidate, stable) == (version, state.stable):
            trial = Trial(candidate, stable, experiment["status"], experiment.get("ended", entry.time), entry.reason)
        candidate = entry.new_values.get("candidate", candidate)
        stable = entry.new_values.get("stable", stable)
    return trial

"""What a step that moves traffic did."""

from dataclasses import dataclass

from components.release_state import ReleaseState
from components.step_result import StepResult


@dataclass(frozen=True)
class TrafficResult:
    """What a step that moves traffic did, and what is served from now on."""

    action_taken: str
    reason: str
    stable: str | None
    candidate: str | None
    traffic_percent: int

    @classmethod
    def from_state(cls, action: str, state: ReleaseState, reason: str) -> "TrafficResult":
        """Return what a state serves, after an action."""
        return cls(action, reason, state.stable, state.candidate, state.traffic_percent)

    def to_step_result(self) -> StepResult:
        """Return one row, with the shares of both sides in the headline."""
        details = {name: "" if value is None else value for name, value in vars(self).items()}
        return StepResult(1, 1, headline=self._headline(), details=details)

    def _headline(self) -> str:
        if not self.stable:
            return "nobody is served: no version is stable"
        if not self.candidate:
            return f"everybody to {self.stable}"
        return f"{self.traffic_percent}% to {self.candidate}, {100 - self.traffic_percent}% to {self.stable}"

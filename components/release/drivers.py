"""Who moves traffic: this process on a laptop, the pod `release-control` on a cluster."""

from dataclasses import dataclass

from components.release import canary
from components.release.context import ReleaseContext, context_from_settings
from components.release.gateway import UnreachableGateway, record_gateway_problem
from components.release.readiness import ROLLOUT_S
from components.release_state import Intent, ReleaseState
from components.release_store import read_state
from components.settings import Settings
from components.waiting import wait_until

MOVE_S = 2 * ROLLOUT_S + 100  # a candidate's start, stable's rollout, and a gateway that follows


@dataclass(frozen=True)
class LocalRelease:
    """Moves traffic in this process."""

    context: ReleaseContext

    @property
    def has_arms(self) -> bool:
        """Return whether a request that names an arm gets there."""
        return self.context.router.arms

    @property
    def can_interleave(self) -> bool:
        """Return whether users' pages can be interleaved."""
        return self.context.router.can_interleave

    def serve(self, state: ReleaseState) -> None:
        """Have both sides of the state served."""
        self.context.router.serve(state.stable, state.candidate, interleaves=state.needs_interleaver)

    def check_traffic(self, state: ReleaseState) -> Intent | None:
        """Return the end of an experiment whose candidate is lost, or else set traffic back."""
        with record_gateway_problem(self.context.gateway_problem):
            intent = canary.candidate_lost(self.context, state)
            if not intent:
                canary.reconcile_traffic(self.context, state)
            return intent

    def finish(self) -> ReleaseState:
        """Move what the state intends."""
        with record_gateway_problem(self.context.gateway_problem):
            return canary.finish(self.context)


@dataclass(frozen=True)
class RemoteRelease:
    """Writes decisions down, and waits until `release-control` has carried them out."""

    has_arms: bool
    can_interleave: bool = False
    timeout_s: float = MOVE_S
    pause_s: float = 1.0

    def serve(self, state: ReleaseState) -> None:
        """Do nothing: release-control serves what the state names."""

    def check_traffic(self, state: ReleaseState) -> Intent | None:
        """Do nothing: release-control watches the candidate and the routes."""

    def finish(self) -> ReleaseState:
        """Wait until nothing is being moved.

        Raises:
            UnreachableGateway: release-control gets no answer through the gateway; it goes on once it does.
            TimeoutError: release-control does not carry it out in time.
        """
        state = wait_until(
            read_state, lambda state: not state.intent or _waits_for_gateway(state), self.timeout_s, self.pause_s
        )
        if _waits_for_gateway(state):
            raise UnreachableGateway(f"{state.gateway_problem}; {state.intent.action!r} stays open until it answers")
        if state.intent:
            raise TimeoutError(
                f"release-control has not carried out {state.intent.action!r} after {self.timeout_s:.0f} s: "
                "see `kubectl logs deploy/release-control`"
            )
        return state


def _waits_for_gateway(state: ReleaseState) -> bool:
    """Return true where a move needs the gateway's answer, as all but an end do."""
    return bool(state.intent and state.gateway_problem) and state.intent.action != "end"


def release_from_settings() -> LocalRelease | RemoteRelease:
    """Return the release that the environment names.

    Raises:
        ValueError: BROADFAST_ROUTER names no router.
    """
    settings = Settings()
    if settings.router in ("standard", "knative"):
        has_arms = settings.router == "standard" or settings.knative_tags == "enabled"
        return RemoteRelease(has_arms, can_interleave=has_arms)
    return LocalRelease(context_from_settings())

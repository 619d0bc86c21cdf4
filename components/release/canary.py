"""Where a decision turns into traffic: interleaved pages, a share of users, then promoted or rolled back.

Every step can be repeated, for it writes the end it wants and not a change; each that changes something leaves an
entry in the state's history.
"""

from collections.abc import Mapping

from components.interleaved_versions import interleaved_versions
from components.release import state_machine
from components.release.context import Release, ReleaseContext
from components.release.decisions import decide
from components.release.gateway import UnreachableGateway
from components.release.router import UNSETTLED
from components.release.traffic_result import TrafficResult
from components.release_state import Intent, ReleaseState
from components.release_store import read_state, update_state

ROLLOUT_ONLY = (
    "rollout only, no verdict: this gateway draws a side for each request, and users are in no arm. Turn Knative's "
    "tag-header-based-routing on and set BROADFAST_KNATIVE_TAGS=enabled, or ramp by `make canary`"
)


def move_traffic(verdict: Mapping, release: Release) -> TrafficResult:
    """Have both sides served, then do what an experiment's verdict says.

    Where the gateway does not answer, nothing is decided, and the next look tries again.

    Raises:
        TimeoutError: the gateway does not follow, or a promoted version does not serve yet; the next look goes on.
    """
    try:
        return _move_by_verdict(verdict, release)
    except UnreachableGateway as error:
        return TrafficResult.from_state("none", read_state(), f"nothing is decided: {error}")


def _move_by_verdict(verdict: Mapping, release: Release) -> TrafficResult:
    state = read_state()
    release.serve(state)
    if state.intent:
        return TrafficResult.from_state(state.intent.action, release.finish(), "the move that was open is finished")
    experiment = state.running_experiment
    if not experiment or verdict["experiment_id"] != experiment.experiment_id:
        return TrafficResult.from_state("none", state, f"the verdict is on no running experiment: {verdict['reason']}")
    bound = verdict.get("error_rate_bound")
    state = update_state(lambda state: state_machine.set_error_rate_bound(state, bound), "the plan's error bound noted")
    if experiment.is_paused and not (verdict.get("paused") and verdict["verdict"] == "roll back"):
        return TrafficResult.from_state("none", state, "a person has paused the experiment")
    lost_intent = release.check_traffic(state)
    if not release.has_arms and not lost_intent:
        return TrafficResult.from_state("none", state, ROLLOUT_ONLY)
    intent = lost_intent or state_machine.intent_for_verdict(verdict, state, release.can_interleave)
    if not intent:
        return TrafficResult.from_state(verdict["verdict"], state, verdict["reason"])
    decide(intent)
    return TrafficResult.from_state(intent.action, release.finish(), intent.reason)


def finish(context: ReleaseContext) -> ReleaseState:
    """Move what the state intends, and return the state after that.

    A roll-back that is written down meanwhile takes the place of what is being moved.

    Raises:
        TimeoutError: the gateway does not follow, or a promoted version does not serve yet: call it again.
    """
    state = read_state()
    while state.intent:
        state = _carry_out(context, state)
    return state


def _carry_out(context: ReleaseContext, state: ReleaseState) -> ReleaseState:
    """Move what a state intends, unless its intent is replaced meanwhile."""
    intent = state.intent
    if intent.action == "end":
        context.router.roll_back()
        return _end(context, intent.status, reason=intent.reason)
    if intent.action != state_machine.PROMOTION_BEGUN:
        reason = _promotion_blocker(context, state)
        newest = read_state()  # the candidate may have been waited for a long time
        if newest.intent != intent:
            return newest
        if reason:
            return decide(Intent("end", reason, status="rolled back"))
    if intent.action == "interleave":
        return _interleave(context, state)
    if intent.action == "ramp":
        return _ramp(context, intent.percent)
    return _promote(context, state.candidate, intent.reason)


def roll_back_now(context: ReleaseContext, reason: str) -> ReleaseState:
    """Take all traffic off a broken candidate, whatever else was intended, and end its experiment."""
    decide(Intent("end", reason, status="rolled back"))
    return finish(context)


def _interleave(context: ReleaseContext, state: ReleaseState) -> ReleaseState:
    """Have an interleaver answer from both versions, then let callers send it their users."""
    percent = state.intent.percent
    context.router.serve(state.stable, state.candidate, interleaves=True)
    try:
        context.wait_ready("interleave", interleaved_versions(state.stable, state.candidate))
    except TimeoutError as error:
        raise TimeoutError(f"{error}; to go on without interleaving: `force ramp PERCENT`") from error
    return update_state(
        lambda state: state_machine.set_interleaving(state, percent, context.clock()),
        f"pages of {percent}% of the users are interleaved",
    )


def _ramp(context: ReleaseContext, percent: int) -> ReleaseState:
    context.router.set_traffic(percent)
    return update_state(
        lambda state: state_machine.set_share(state, percent, context.clock()),
        f"share set to {percent}%",
        traffic_percent=percent,
    )


def _promote(context: ReleaseContext, version: str, reason: str) -> ReleaseState:
    """Move all traffic to the candidate, replace stable, and move it back, losing no request."""
    context.router.set_traffic(100)
    state = update_state(
        state_machine.begin_promotion, "promotion: all traffic to the candidate, stable replaced", version=version
    )
    if not state.intent or state.intent.action != state_machine.PROMOTION_BEGUN:
        return state
    context.router.promote(version)
    context.wait_ready("control", version)
    context.router.set_traffic(0)
    return _end(context, "promoted", version=version, reason=reason)


def _end(context: ReleaseContext, status: str, **facts) -> ReleaseState:
    """Close the experiment, and have what comes next served."""
    state = update_state(lambda state: state_machine.end_experiment(state, status, context.clock()), status, **facts)
    context.router.serve(state.stable, state.candidate)
    return state


def reconcile_traffic(context: ReleaseContext, state: ReleaseState) -> None:
    """Set back traffic that somebody changed at the router by hand, and write that down."""
    served_percent = context.router.read_back()
    desired_percent = state.traffic_percent
    if served_percent != desired_percent:
        context.router.set_traffic(desired_percent)
    if served_percent not in (desired_percent, UNSETTLED):  # a gateway on its way is not a hand
        change = f"traffic was at {served_percent}% and is set back to {desired_percent}%"
        update_state(state_machine.count_correction, f"{change}: change it by `make canary`, not by hand")


def candidate_lost(context: ReleaseContext, state: ReleaseState) -> Intent | None:
    """Return the end of an experiment whose candidate no longer serves.

    A dark candidate may still be starting.
    """
    experiment = state.experiment
    if (experiment.share or experiment.interleaved_share) and (reason := _readiness_error(context, state)):
        return Intent("end", reason, status="rolled back")
    return None


def _promotion_blocker(context: ReleaseContext, state: ReleaseState) -> str:
    """Return why a candidate may not get more traffic, or nothing.

    A dark one has to answer as it did offline.
    """
    if reason := _readiness_error(context, state):
        return reason
    return context.parity(state.candidate) if state.experiment.share == 0 else ""


def _readiness_error(context: ReleaseContext, state: ReleaseState) -> str:
    wait = context.wait_still_ready if state.experiment.share and context.wait_still_ready else context.wait_ready
    try:
        wait("treatment", state.candidate)
    except TimeoutError as error:
        return f"the candidate does not serve: {error}"
    return ""

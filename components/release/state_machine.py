"""The release as a state machine: what each event makes of the desired state. Pure; `canary` acts on the result.

An experiment is dark (share 0), then ramping, then measured, and ends as promoted, rolled back, inconclusive or vetoed.
What is about to be moved is written first, as the state's intent, and taken back once it is so: whoever is killed in
between, the next look finishes it. While one experiment runs, the newest released candidate waits in the queue.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from components.release_state import Experiment, Intent, ReleaseState, Stage

PROMOTION_BEGUN = "promotion begun"  # from here on there is no way back: stable may be replaced already


def release_version(state: ReleaseState, version: str, now: datetime) -> ReleaseState:
    """Start a released version's experiment dark, or let it wait for the running one."""
    if version in (state.stable, state.candidate):
        return state
    if state.running_experiment or state.intent:
        return replace(state, next_candidate=version)
    return _start_dark(state, version, now)


def set_intent(state: ReleaseState, intent: Intent) -> ReleaseState:
    """Write down what is to be moved next.

    An earlier intent stays, for it may be half done.
    """
    return state if state.intent or not state.running_experiment else replace(state, intent=intent)


def set_share(state: ReleaseState, percent: int, now: datetime) -> ReleaseState:
    """Note that a share is in force at the router."""
    experiment = state.experiment
    if experiment.share != percent / 100:
        stages = (*experiment.stages, Stage(percent / 100, now.isoformat()))
        experiment = replace(experiment, stages=stages)
    return replace(state, experiment=experiment, traffic_percent=percent, intent=None)


def begin_promotion(state: ReleaseState) -> ReleaseState:
    """Note that all traffic is on the candidate, and that stable is to become it."""
    intent = replace(state.intent, action=PROMOTION_BEGUN)
    return replace(state, traffic_percent=100, stable=state.candidate, intent=intent)


def end_experiment(state: ReleaseState, status: str, now: datetime) -> ReleaseState:
    """Close the experiment with all traffic on stable, and start the one that waits."""
    experiment = replace(state.experiment, status=status, end_time=now.isoformat())
    after = replace(state, experiment=experiment, traffic_percent=0, candidate=None, intent=None, next_candidate=None)
    if state.next_candidate and state.next_candidate != state.stable:
        return _start_dark(after, state.next_candidate, now)
    return after


def set_paused(state: ReleaseState, is_paused: bool) -> ReleaseState:
    """Hold the experiment for a person, or let it go on.

    A guardrail alone ends a paused one.
    """
    if not state.running_experiment:
        return state
    return replace(state, experiment=replace(state.experiment, is_paused=is_paused))


def set_error_rate_bound(state: ReleaseState, bound: float | None) -> ReleaseState:
    """Note the plan's bound, by which the candidate is watched between looks."""
    if bound is None or not state.running_experiment:
        return state
    return replace(state, experiment=replace(state.experiment, error_rate_bound=bound))


def count_correction(state: ReleaseState) -> ReleaseState:
    """Note that traffic was something else than the state says, and was set back."""
    return replace(state, corrections=state.corrections + 1)


def intent_for_verdict(verdict: Mapping, state: ReleaseState) -> Intent | None:
    """Return what a look's verdict wants moved, if anything.

    A verdict on a share that is no longer in force moves nothing.
    """
    action = verdict["verdict"]
    reason = verdict["reason"]
    if len(verdict["stages"]) != len(state.experiment.stages):
        return None
    if action == "ramp" and verdict["next_share"] > state.experiment.share:
        return Intent("ramp", reason, percent=round(100 * verdict["next_share"]))
    if action == "promote":
        return Intent("promote", reason)
    if action in ("roll back", "inconclusive"):
        return Intent("end", reason, status="rolled back" if action == "roll back" else action)
    return None


def _start_dark(state: ReleaseState, version: str, now: datetime) -> ReleaseState:
    """Open an experiment whose arms, by a new salt, are independent of the last one's."""
    name = f"{version}-{now:%Y%m%dT%H%M%SZ}"
    experiment = Experiment(name, salt=name, stages=(Stage(0.0, now.isoformat()),))
    return replace(state, candidate=version, traffic_percent=0, experiment=experiment)

"""The release as a state machine: what each event makes of the desired state. Pure; `canary` acts on the result.

An experiment is dark (share 0), interleaved where the plan says so, then ramping, then measured, and ends as promoted,
rolled back, inconclusive or vetoed.
What is about to be moved is written first, as the state's intent, and taken back once it is so: whoever is killed in
between, the next look finishes it. While one experiment runs, the newest released candidate waits in the queue.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from components.release_state import PROMOTION_BEGUN, Experiment, Intent, ReleaseState, Stage

NO_INTERLEAVING = "this router cannot interleave, so the A/B test follows at once"


def release_version(state: ReleaseState, version: str, now: datetime) -> ReleaseState:
    """Start a released version's experiment dark, or let it wait for the running one."""
    if version in (state.stable, state.candidate):
        return state
    if state.running_experiment or state.intent:
        return replace(state, next_candidate=version)
    return _start_dark(state, version, now)


def set_intent(state: ReleaseState, intent: Intent) -> ReleaseState:
    """Write down what is to be moved next.

    An end takes the place of a move that may still be taken back, and a ramp that of an interleaving that has not
    begun. Any other intent waits for an open one.
    """
    if state.intent:
        return replace(state, intent=intent) if _replaces_open_move(state.intent, intent) else state
    return replace(state, intent=intent) if state.running_experiment else state


def intent_problem(state: ReleaseState, intent: Intent) -> str:
    """Return why a person's intent cannot be carried out now, or nothing.

    One that is open already is no problem: it is waited for.
    """
    if not state.intent:
        return "" if state.running_experiment else "no experiment is running: see `status`"
    if _is_same_move(state.intent, intent) or _replaces_open_move(state.intent, intent):
        return ""
    if state.intent.action == PROMOTION_BEGUN:
        return (
            f"the promotion of {state.candidate} has begun and cannot be taken back, for stable is being replaced: "
            "wait until `status` shows no intent. To go back then, give an earlier version its share by `canary`"
        )
    return (
        f"nothing is changed, for another move is under way: {_describe_move(state.intent)}. "
        "Wait until `status` shows no intent, then give the command again"
    )


def set_interleaving(state: ReleaseState, percent: int, now: datetime) -> ReleaseState:
    """Note that a share of users sees interleaved pages, unless that was taken back."""
    if not state.intent or state.intent.action != "interleave":
        return state
    experiment = state.experiment
    if experiment.interleaved_share != percent / 100:
        stage = Stage(experiment.share, now.isoformat(), percent / 100)
        experiment = replace(experiment, stages=(*experiment.stages, stage))
    return replace(state, experiment=experiment, intent=None)


def set_share(state: ReleaseState, percent: int, now: datetime) -> ReleaseState:
    """Note that a ramp's share is in force, unless the ramp was taken back."""
    if not state.intent or state.intent.action != "ramp":
        return state
    experiment = state.experiment
    if experiment.share != percent / 100 or experiment.interleaved_share:
        stages = (*experiment.stages, Stage(percent / 100, now.isoformat()))
        experiment = replace(experiment, stages=stages)
    return replace(state, experiment=experiment, traffic_percent=percent, intent=None)


def begin_promotion(state: ReleaseState) -> ReleaseState:
    """Note that all traffic is on the candidate, and that stable is to become it.

    A promotion that was taken back meanwhile changes nothing.
    """
    if not state.intent or state.intent.action not in ("promote", PROMOTION_BEGUN):
        return state
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


def intent_for_verdict(verdict: Mapping, state: ReleaseState, can_interleave: bool = True) -> Intent | None:
    """Return what a look's verdict wants moved, if anything.

    A verdict on a share that is no longer in force moves nothing. Where the router cannot interleave, the A/B test
    follows at once.
    """
    action = verdict["verdict"]
    reason = verdict["reason"]
    if len(verdict["stages"]) != len(state.experiment.stages):
        return None
    if action == "interleave" and not (state.experiment.share or state.experiment.interleaved_share):
        if not can_interleave:
            return Intent("ramp", f"{reason}; {NO_INTERLEAVING}", percent=round(100 * verdict["next_share"]))
        return Intent("interleave", reason, percent=max(1, round(100 * verdict["interleaved_share"])))
    if action == "ramp" and verdict["next_share"] > state.experiment.share:
        return Intent("ramp", reason, percent=round(100 * verdict["next_share"]))
    if action == "promote":
        return Intent("promote", reason)
    if action in ("roll back", "inconclusive"):
        return Intent("end", reason, status="rolled back" if action == "roll back" else action)
    return None


def _replaces_open_move(open_intent: Intent, intent: Intent) -> bool:
    if open_intent.action == "interleave":
        return intent.action in ("ramp", "promote", "end")
    return intent.action == "end" and open_intent.action in ("ramp", "promote")


def _is_same_move(open_intent: Intent, intent: Intent) -> bool:
    open_action = "promote" if open_intent.action == PROMOTION_BEGUN else open_intent.action
    return (open_action, open_intent.percent) == (intent.action, intent.percent)


def _describe_move(intent: Intent) -> str:
    percent = f"{intent.percent}%"
    details = {"interleave": f" for {percent} of users", "ramp": f" to {percent}", "end": f" as {intent.status}"}
    details = details.get(intent.action, "")
    return f"{intent.action}{details}" + (f" by {intent.by}" if intent.by else "")


def _start_dark(state: ReleaseState, version: str, now: datetime) -> ReleaseState:
    """Open an experiment whose arms, by a new salt, are independent of the last one's."""
    name = f"{version}-{now:%Y%m%dT%H%M%SZ}"
    experiment = Experiment(name, salt=name, stages=(Stage(0.0, now.isoformat()),))
    return replace(state, candidate=version, traffic_percent=0, experiment=experiment)

"""The release on one screen: what serves, what is tried, how far it is, and what happens next."""

import json
from datetime import datetime

from components.experiment_progress import ExperimentProgress, format_minute
from components.release_state import Experiment, HistoryEntry, ReleaseState

SHOWN_EVENTS = 5


def describe_state(state: ReleaseState, progress: ExperimentProgress) -> str:
    """Return the screen: a line a fact, then the last events."""
    facts = {
        "stable": state.stable or "none",
        "candidate": state.candidate or "none",
        "waiting": state.next_candidate,
        "stage": describe_stage(state.experiment) if state.experiment else "no experiment yet",
        "traffic": f"{state.traffic_percent}% of requests without an arm to the candidate",
        "last_look": progress.last_look,
        "preference": progress.preference,
        "lift": progress.lift,
        "guardrails": progress.guardrails,
        "intent": describe_intent(state),
        "corrections": state.corrections,
        "gateway_problem": state.gateway_problem,
        "share_problem": state.share_problem,
        "next": describe_next(state, progress.next_look),
    }
    lines = [f"{name:<16} {value}" for name, value in facts.items() if value]
    return "\n".join([*lines, "", *map(describe_entry, state.history[-SHOWN_EVENTS:])])


def describe_stage(experiment: Experiment) -> str:
    """Return how far an experiment is, and since when."""
    if not experiment.is_running:
        return f"{experiment.status}, ended {describe_time(experiment.end_time) or 'before times were kept'}"
    if experiment.interleaved_share:
        stage = f"interleaved: {experiment.interleaved_share:.0%} of users"
    elif experiment.share:
        stage = f"A/B: {experiment.share:.0%} of users"
    else:
        stage = "dark: no users"
    pause = ", paused" if experiment.is_paused else ""
    return f"{stage}, since {describe_time(experiment.stages[-1].start_time)}{pause} ({experiment.experiment_id})"


def describe_time(time: str | None) -> str:
    """Return an ISO time to its minute in UTC, or nothing without one."""
    return format_minute(datetime.fromisoformat(time)) if time else ""


def describe_intent(state: ReleaseState) -> str:
    """Return what is being moved, or nothing."""
    if not state.intent:
        return ""
    by = f", by {state.intent.by}" if state.intent.by else ""
    return f"{state.intent.action}{by}: {state.intent.reason}"


def describe_next(state: ReleaseState, next_look: str) -> str:
    """Return what happens next, and when a look is due."""
    if not state.stable:
        return "the nightly run registers the first version"
    if state.gateway_problem:
        return "nothing is decided until the gateway answers"
    if state.intent:
        return "release-control finishes the intent"
    if state.running_experiment and state.running_experiment.is_paused:
        return "nothing until `resume`, and a broken guardrail still rolls back"
    if state.running_experiment:
        decider = "the next look of the pipeline `experiment` decides"
        return f"{decider}, {next_look}" if next_look else decider
    return "the nightly run's gate releases the next candidate"


def describe_entry(entry: HistoryEntry) -> str:
    """Return one line for an entry of the history."""
    return f"{entry.time}  {entry.what}  {entry.reason}".rstrip()


def state_json(state: ReleaseState) -> str:
    """Return the whole state as JSON, for programs."""
    return json.dumps(state.to_json(), indent=1)

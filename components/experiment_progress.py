"""How far the experiment is by its stored looks: last verdict, preference, lift, and when the next is due."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from components.look_store import StoredLook, list_looks, read_newest
from components.release_state import Experiment

NOT_YET = "no look yet"


@dataclass(frozen=True)
class ExperimentProgress:
    """What the looks say in words. Each is '' where there is nothing to say."""

    last_look: str = NOT_YET
    preference: str = ""  # of the last interleaved look
    lift: str = ""  # of the last look at arms
    guardrails: str = ""
    next_look: str = ""  # when it is due, as far as the earlier ones tell


def read_progress(experiment: Experiment | None, now: datetime) -> ExperimentProgress:
    """Return the progress of the running experiment, or of the last one."""
    if not experiment:
        return ExperimentProgress("")
    looks = list_looks(experiment.experiment_id)
    if not looks:
        return ExperimentProgress()
    newest = read_newest(looks)
    page_looks = [look for look in looks if look.is_interleaved]
    arm_looks = [look for look in looks if look.is_of_arms]
    return ExperimentProgress(
        f"{newest['verdict']}, at {format_minute(looks[-1].time)}: {newest['reason']}",
        describe_preference(read_newest(page_looks).get("preference") or {}),
        describe_lift(read_newest(arm_looks).get("figures") or {}),
        describe_guardrails((newest.get("figures") or {}).get("guardrails") or {}),
        describe_next_look(looks, now) if experiment.is_running else "",
    )


def describe_preference(preference: Mapping) -> str:
    """Return whose items users prefer, with the figures behind it."""
    return f"{preference['verdict']}: {preference['reason']}" if preference else ""


def describe_lift(figures: Mapping) -> str:
    """Return the lift of RPM with its interval, or why there is none."""
    if not figures:
        return ""
    lift = figures["metrics"].get("rpm")
    if not lift:
        return f"none: {figures.get('no_lift_reason') or 'no interval can be drawn'}"
    form = "+.2%" if lift["difference_type"] == "relative" else "+.3f"
    bounds = f"{lift['low']:{form}} to {lift['high']:{form}}, valid at every look"
    return f"RPM {lift['estimate']:{form}} ({bounds}), {sum(figures['users'].values()):,} users"


def describe_guardrails(guardrails: Mapping) -> str:
    """Return the limits that are broken, or that none is."""
    if not guardrails:
        return ""
    if guardrails["breaches"]:
        return f"broken: {'; '.join(guardrails['breaches'])}"
    return f"none broken ({guardrails['note']})"


def describe_next_look(looks: Sequence[StoredLook], now: datetime) -> str:
    """Return when the next look is due, by the pace of the last two."""
    if len(looks) < 2:
        return ""
    interval = looks[-1].time - looks[-2].time
    due = looks[-1].time + interval
    pace = f"the last two were {_minutes(interval)} apart"
    if now > due + interval:
        return f"due since {format_minute(due)}: {pace}; see whether its schedule is on"
    return f"due at about {format_minute(due)}: {pace}"


def format_minute(time: datetime) -> str:
    """Return a time to its minute, in UTC."""
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _minutes(interval: timedelta) -> str:
    seconds = interval.total_seconds()
    return f"{seconds / 60:.0f} minutes" if seconds >= 120 else f"{seconds:.0f} seconds"

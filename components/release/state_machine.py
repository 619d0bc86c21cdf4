"""The release as a state machine: what each event makes of the desired state. Pure; `canary` acts on what it says.

An experiment is dark (share 0), then ramping, then measured, and ends as promoted, rolled back, inconclusive or vetoed.
What is about to be moved is written first, as the state's intent, and taken back once it is so: whoever is killed in
between, the next look finishes it. While one experiment runs, the newest released candidate waits in the queue.
"""

from collections.abc import Mapping
from datetime import datetime

ENDS = ("promoted", "rolled back", "inconclusive", "vetoed")
BEGUN = "promotion begun"  # from here on there is no way back: stable may be replaced already


def is_running(state: Mapping) -> bool:
    """Whether a candidate's experiment runs."""
    return bool(state["candidate"] and state["experiment"] and state["experiment"]["status"] == "running")


def share_of(state: Mapping) -> float:
    """Users in treatment now, 0 to 1."""
    return state["experiment"]["stages"][-1]["share"]


def released(state: dict, version: str, now: datetime) -> dict:
    """A gate let a version through: its experiment begins dark, or it waits; the newest alone waits."""
    if version in (state["stable"], state["candidate"]):
        return state
    if is_running(state) or state["intent"]:
        return state | {"queued": version}
    return _dark(state, version, now)


def intended(state: dict, intent: Mapping) -> dict:
    """What is to be moved next; an intent that stands already stays, for it may be half done."""
    return state if state["intent"] or not is_running(state) else state | {"intent": dict(intent)}


def ramped(state: dict, percent: int, now: datetime) -> dict:
    """The share is in force at the router."""
    stages, share = state["experiment"]["stages"], percent / 100
    if stages[-1]["share"] != share:
        stages = [*stages, {"share": share, "started": now.isoformat()}]
    experiment = state["experiment"] | {"stages": stages}
    return state | {"experiment": experiment, "traffic_percent": percent, "intent": None}


def promoting(state: dict) -> dict:
    """All traffic is on the candidate; stable is to become it."""
    intent = state["intent"] | {"word": BEGUN}
    return state | {"traffic_percent": 100, "stable": state["candidate"], "intent": intent}


def ended(state: dict, status: str, now: datetime) -> dict:
    """The experiment is over, all traffic is on stable; who waits in the queue goes next."""
    experiment = state["experiment"] | {"status": status, "ended": now.isoformat()}
    over = state | {"experiment": experiment, "traffic_percent": 0, "candidate": None, "intent": None}
    waiting = over["queued"]
    over |= {"queued": None}
    return _dark(over, waiting, now) if waiting and waiting != over["stable"] else over


def paused(state: dict, yes: bool) -> dict:
    """A person's hold on the experiment: traffic stays as it is, and guardrails alone can end it; or the end of it."""
    return state | {"experiment": state["experiment"] | {"paused": yes}} if is_running(state) else state


def corrected(state: dict) -> dict:
    """Traffic was found to be other than the state says, and set back."""
    return state | {"corrections": state["corrections"] + 1}


def intent_of(verdict: Mapping, state: Mapping) -> dict | None:
    """What a look's verdict wants moved; None where that is nothing, or it speaks of a share no longer in force."""
    word, reason = verdict["verdict"], verdict["reason"]
    if len(verdict["stages"]) != len(state["experiment"]["stages"]):
        return None
    if word == "ramp" and verdict["next_share"] > share_of(state):
        return {"word": "ramp", "percent": round(100 * verdict["next_share"]), "reason": reason}
    if word == "promote":
        return {"word": word, "reason": reason}
    if word in ("roll back", "inconclusive"):
        return {"word": "end", "status": "rolled back" if word == "roll back" else word, "reason": reason}
    return None


def _dark(state: dict, version: str, now: datetime) -> dict:
    """An experiment with a salt of its own, so that its arms are independent of the last one's."""
    name = f"{version}-{now:%Y%m%dT%H%M%SZ}"
    stages = [{"share": 0.0, "started": now.isoformat()}]
    experiment = {"experiment_id": name, "salt": name, "stages": stages, "status": "running", "paused": False}
    return state | {"candidate": version, "traffic_percent": 0, "experiment": experiment}

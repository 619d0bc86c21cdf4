"""A candidate's way into traffic: registered and dark, a share of users, then promoted or rolled back.

Every step can be repeated, for it writes where it wants to be and not what to change; each that changes something
leaves an entry in the state's history.
"""

import json
import time
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from components import package_manifest
from components.release import registry
from components.release.router import Router

PROBE = {"query": "probe", "instances": [{"title": "probe"}], "request_id": "probe"}
SERVING_TIMEOUT_S = 120.0
WaitReady = Callable[[str, str], None]  # (arm, version): returns when that arm's side serves that version


def register_baseline(package: str | Path) -> dict:
    """Make the baseline the stable version where there is none yet: the student of the night before."""
    state = registry.read_state()
    if state["stable"]:
        return {"started": False, "version": state["stable"], "reason": f"{state['stable']} is stable already"}
    version = registry.register(package)
    state = registry.update_state(
        lambda state: state | {"stable": state["stable"] or version}, "baseline registered as stable", version=version
    )
    return {"started": True, "version": state["stable"], "reason": "no version was stable before"}


def start_canary(package: str | Path, verdict: dict, now: datetime | None = None) -> dict:
    """Register a released candidate and open its experiment, dark; refuse any other, and say why."""
    version = package_manifest.version(package)
    reason = _refusal(version, verdict, registry.read_state())
    if reason:
        return {"started": False, "version": version, "reason": reason}
    registry.register(package)
    now = now or datetime.now(UTC)
    experiment_id = f"{version}-{now:%Y%m%dT%H%M%SZ}"
    experiment = {
        "experiment_id": experiment_id,
        "salt": experiment_id,
        "stages": [{"share": 0.0, "started": now.isoformat()}],
        "status": "running",
    }

    def start(state: dict) -> dict:
        if state["candidate"] == version and _is_running(state):
            return state
        return state | {"candidate": version, "traffic_percent": 0, "experiment": experiment}

    state = registry.update_state(start, "canary started dark", version=version, experiment_id=experiment_id)
    running = state["experiment"]["experiment_id"]
    return {"started": True, "version": version, "reason": f"experiment {running} runs, dark"}


def _refusal(version: str, verdict: dict, state: dict) -> str:
    if verdict["verdict"] != "release":
        return f"the gate says {verdict['verdict']}: {'; '.join(verdict['reasons'])}"
    if verdict["candidate_version"] != version:
        return f"the gate's verdict is on {verdict['candidate_version']}, the package is {version}"
    if not state["stable"]:
        return "no version is stable: register the baseline first"
    if state["stable"] == version:
        return f"{version} is stable already"
    if _is_running(state) and state["candidate"] != version:
        return f"the experiment with {state['candidate']} is still running"
    return ""


def set_share(percent: int, router: Router, wait_ready: WaitReady, now: datetime | None = None) -> dict:
    """Put `percent` of users into treatment, and as much of the traffic that names no arm on the candidate.

    Raises:
        ValueError: no experiment is running.
        TimeoutError: the candidate does not serve, or the gateway does not follow.
    """
    state = registry.read_state()
    if not _is_running(state):
        raise ValueError("no experiment is running: nobody's share can be set")
    wait_ready("treatment", state["candidate"])
    router.set_traffic(percent)
    stage = {"share": percent / 100, "started": (now or datetime.now(UTC)).isoformat()}

    def ramp(state: dict) -> dict:
        stages = state["experiment"]["stages"]
        if stages[-1]["share"] != stage["share"]:
            state["experiment"]["stages"] = [*stages, stage]
        return state | {"traffic_percent": percent}

    return registry.update_state(ramp, f"share set to {percent}%", traffic_percent=percent)


def promote(router: Router, wait_ready: WaitReady) -> dict:
    """Make the candidate stable: all traffic to it, then stable replaced, then all traffic back; none is lost between.

    Raises:
        TimeoutError: stable does not serve the version in time; the candidate serves on, and the call can be repeated.
    """
    version = registry.read_state()["candidate"]
    if not version:
        return registry.read_state()
    router.set_traffic(100)
    registry.update_state(
        lambda state: _ended(state, "promoted") | {"traffic_percent": 100}, "promotion: all traffic to the candidate"
    )
    registry.update_state(lambda state: state | {"stable": version}, "promotion: stable replaced", version=version)
    router.promote(version)
    wait_ready("control", version)
    router.set_traffic(0)
    return registry.update_state(
        lambda state: state | {"traffic_percent": 0, "candidate": None}, "promoted", version=version
    )


def roll_back(router: Router, status: str, reason: str) -> dict:
    """All traffic to stable and no candidate; the experiment ends as `rolled back` or `inconclusive`."""
    router.roll_back()
    return registry.update_state(
        lambda state: _ended(state, status) | {"traffic_percent": 0, "candidate": None}, status, reason=reason
    )


def move_traffic(verdict: dict, router: Router, wait_ready: WaitReady) -> dict:
    """Do what an experiment's verdict says: the one place where a decision turns into traffic."""
    state = registry.read_state()
    if state["candidate"] and state["experiment"] and state["experiment"]["status"] == "promoted":
        return _moved("promote", promote(router, wait_ready), "an unfinished promotion was finished")
    if not _is_running(state) or verdict["experiment_id"] != state["experiment"]["experiment_id"]:
        return _moved("none", state, f"the verdict is on no running experiment: {verdict['reason']}")
    word, reason = verdict["verdict"], verdict["reason"]
    if word == "ramp":
        return _moved(word, set_share(round(100 * verdict["next_share"]), router, wait_ready), reason)
    if word == "promote":
        return _moved(word, promote(router, wait_ready), reason)
    if word in ("roll back", "inconclusive"):
        status = "rolled back" if word == "roll back" else word
        return _moved(word, roll_back(router, status, reason), reason)
    return _moved(word, state, reason)


def wait_until_serves(gateway_url: str, timeout_s: float = SERVING_TIMEOUT_S) -> WaitReady:
    """A wait that asks the gateway itself: a tiny request by arm, until the version that answers is the one wanted."""

    def wait(arm: str, version: str) -> None:
        deadline = time.monotonic() + timeout_s
        while (answered := _probe(gateway_url, arm)) != version:
            if time.monotonic() > deadline:
                raise TimeoutError(
                    f"{arm} at {gateway_url} is answered by {answered or 'nobody'} after {timeout_s:.0f} s, "
                    f"not by {version}: look at that server's log, then run this step again"
                )
            time.sleep(0.25)

    return wait


def _probe(gateway_url: str, arm: str) -> str:
    headers = {"content-type": "application/json", "x-arm": arm}
    url = f"{gateway_url.rstrip('/')}/v1/models/relevance:predict"
    request = urllib.request.Request(url, json.dumps(PROBE).encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.headers.get("x-model-version") or ""
    except OSError:  # refused, reset, timed out or an error status: the side is not up yet
        return ""


def _is_running(state: dict) -> bool:
    return bool(state["candidate"] and state["experiment"] and state["experiment"]["status"] == "running")


def _ended(state: dict, status: str) -> dict:
    if state["experiment"]:
        state["experiment"]["status"] = status
    return state


def _moved(word: str, state: dict, reason: str) -> dict:
    served = {name: state[name] for name in ("stable", "candidate", "traffic_percent")}
    return {"moved": word, "reason": reason, **served}

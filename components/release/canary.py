"""A candidate's way into traffic: registered and dark, a share of users, then promoted or rolled back.

Every step can be repeated, for it writes where it wants to be and not what to change; each that changes something
leaves an entry in the state's history.
"""

import json
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from http.client import HTTPResponse
from pathlib import Path

from components import package_manifest, storage
from components.release import registry, state_machine
from components.release.router import DIFFERENT, Router

PROBE = {"query": "probe", "instances": [{"title": "probe"}], "request_id": "probe"}
SERVING_TIMEOUT_S = 120.0
EXPECTED = "packages-expected/{version}.json"  # what the gate heard offline, for the dark launch to be compared with
ROLLOUT_ONLY = (
    "rollout only, no verdict: this gateway draws a side for each request, and users are in no arm. Turn Knative's "
    "tag-header-based-routing on and set BROADFAST_KNATIVE_TAGS=enabled, or ramp by `make canary`"
)
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
    """Register a released candidate; its experiment opens dark, or it waits for the one that runs. Refuse any other."""
    version = package_manifest.version(package)
    reason = _refusal(version, verdict, registry.read_state())
    if reason:
        return {"started": False, "version": version, "reason": reason}
    registry.register(package)
    storage.put_json(EXPECTED.format(version=version), verdict["beside"].get("checked_answers", []))
    now = now or datetime.now(UTC)
    state = registry.update_state(
        lambda state: state_machine.released(state, version, now), "candidate released by the gate", version=version
    )
    running = state["experiment"]["experiment_id"]
    if state["candidate"] != version:
        return {"started": True, "version": version, "reason": f"waits until {running} is over"}
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
    return ""


@dataclass(frozen=True)
class World:
    """What a decision moves and asks: the router, who waits for a side to serve, what compares answers, the clock."""

    router: Router
    wait_ready: WaitReady
    parity: Callable[[str], str]  # of a version: why its answers are not the offline ones, or nothing
    clock: Callable[[], datetime] = partial(datetime.now, UTC)


def move_traffic(verdict: dict, world: World) -> dict:
    """Have both sides served, then do what an experiment's verdict says: where a decision turns into traffic.

    Raises:
        TimeoutError: the gateway does not follow, or a promoted version does not serve yet; the next look goes on.
    """
    state = registry.read_state()
    world.router.serve(state["stable"], state["candidate"])
    if state["intent"]:
        return _moved(state["intent"]["word"], finish(world), "what was begun before is finished")
    if not state_machine.is_running(state) or verdict["experiment_id"] != state["experiment"]["experiment_id"]:
        return _moved("none", state, f"the verdict is on no running experiment: {verdict['reason']}")
    if state["experiment"]["paused"] and not (verdict.get("paused") and verdict["verdict"] == "roll back"):
        return _moved("none", state, "a person has paused the experiment")
    if not world.router.arms:
        keep_traffic(world, state)
        return _moved("none", state, ROLLOUT_ONLY)
    intent = _gone(world, state)
    if not intent:
        keep_traffic(world, state)
        intent = state_machine.intent_of(verdict, state)
    if not intent:
        return _moved(verdict["verdict"], state, verdict["reason"])
    decide(intent)
    return _moved(intent["word"], finish(world), intent["reason"])


def decide(intent: dict) -> dict:
    """Write down what is to be moved, before anything is."""
    facts = {name: value for name, value in intent.items() if name != "word"}
    what = f"decided: {intent.get('status', intent['word'])}"
    return registry.update_state(lambda state: state_machine.intended(state, intent), what, **facts)


def finish(world: World) -> dict:
    """Move what the state intends; every part can be repeated. The state once that is done.

    Raises:
        TimeoutError: the gateway does not follow, or a promoted version does not serve yet: call it again.
    """
    state = registry.read_state()
    intent = state["intent"]
    if not intent:
        return state
    if intent["word"] != state_machine.BEGUN and intent["word"] != "end" and (reason := _unfit(world, state)):
        intent = {"word": "end", "status": "rolled back", "reason": reason}
        registry.update_state(lambda state: state | {"intent": intent}, "decided: rolled back", reason=reason)
    if intent["word"] == "ramp":
        return _ramp(world, intent["percent"])
    if intent["word"] == "end":
        world.router.roll_back()
        return _over(world, intent["status"], reason=intent["reason"])
    return _promote(world, state["candidate"], intent["reason"])


def _ramp(world: World, percent: int) -> dict:
    world.router.set_traffic(percent)
    return registry.update_state(
        lambda state: state_machine.ramped(state, percent, world.clock()),
        f"share set to {percent}%",
        traffic_percent=percent,
    )


def _promote(world: World, version: str, reason: str) -> dict:
    """All traffic to the candidate, then stable replaced, then all traffic back; none is lost between."""
    world.router.set_traffic(100)
    registry.update_state(
        state_machine.promoting, "promotion: all traffic to the candidate, stable replaced", version=version
    )
    world.router.promote(version)
    world.wait_ready("control", version)
    world.router.set_traffic(0)
    return _over(world, "promoted", version=version, reason=reason)


def _over(world: World, status: str, **facts) -> dict:
    """The experiment's end, and the servers of what comes next."""
    state = registry.update_state(lambda state: state_machine.ended(state, status, world.clock()), status, **facts)
    world.router.serve(state["stable"], state["candidate"])
    return state


def keep_traffic(world: World, state: dict) -> None:
    """Set back what somebody changed at the router by hand, and write that down."""
    served, wanted = world.router.read_back(), state["traffic_percent"]
    if served != wanted:
        world.router.set_traffic(wanted)
    if served not in (wanted, DIFFERENT):  # a gateway on its way is not a hand
        what = f"traffic was at {served}% and is set back to {wanted}%: change it by `make canary`, not by hand"
        registry.update_state(state_machine.corrected, what)


def _gone(world: World, state: dict) -> dict | None:
    """The end of an experiment whose candidate no longer serves; one that is dark may still be starting."""
    if state_machine.share_of(state) and (reason := _silent(world, state)):
        return {"word": "end", "status": "rolled back", "reason": reason}
    return None


def _unfit(world: World, state: dict) -> str:
    """Why a candidate may not get more traffic, or nothing; what leaves the dark answers as it did offline."""
    if reason := _silent(world, state):
        return reason
    return world.parity(state["candidate"]) if state_machine.share_of(state) == 0 else ""


def _silent(world: World, state: dict) -> str:
    try:
        world.wait_ready("treatment", state["candidate"])
    except TimeoutError as error:
        return f"the candidate does not serve: {error}"
    return ""


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


def ask(gateway_url: str, arm: str, body: dict, timeout_s: float) -> HTTPResponse:
    """One side's answer through the gateway to a synthetic request, which is no exposure; to be closed."""
    tag = {"treatment": "latest", "control": "prev"}[arm]  # the arm in Knative's words
    headers = {"content-type": "application/json", "x-arm": arm, "knative-serving-tag": tag, "x-shadow": "1"}
    url = f"{gateway_url.rstrip('/')}/v1/models/relevance:predict"
    return urllib.request.urlopen(urllib.request.Request(url, json.dumps(body).encode(), headers), timeout=timeout_s)


def _probe(gateway_url: str, arm: str) -> str:
    try:
        with ask(gateway_url, arm, PROBE, timeout_s=10) as answer:
            return answer.headers.get("x-model-version") or ""
    except OSError:  # refused, reset, timed out or an error status: the side is not up yet
        return ""


def _moved(word: str, state: dict, reason: str) -> dict:
    served = {name: state[name] for name in ("stable", "candidate", "traffic_percent")}
    return {"moved": word, "reason": reason, **served}

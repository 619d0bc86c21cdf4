"""A person's hand on the running experiment, by one command; what was done, by whom and why, stays in its history.

`python -m components.release.control status | canary VERSION 5 | pause | resume | veto | force promote|roll-back`
"""

import argparse
import getpass
import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime

from components import storage
from components.release import canary, registry, state_machine

SHOWN = ("stable", "candidate", "queued", "traffic_percent", "experiment", "intent", "corrections", "revision")
ABOUT = """See and steer the release. `pause` keeps traffic as it is until `resume`, and only a broken guardrail still
rolls back; `veto` ends the experiment, all traffic to stable; `force` does what an experiment's verdict would have
done, without one; `canary` gives a registered version its share, beginning its experiment where none runs."""


def steer(said: argparse.Namespace, world: Callable[[], canary.World]) -> dict:
    """Do what a person asks, and return the state.

    Raises:
        ValueError: no experiment is running; or it is another version's, or nobody registered that version.
        TimeoutError: a side does not serve, or the gateway does not follow; the next look goes on with it.
    """
    state = registry.read_state()
    if said.verb == "status":
        return state
    if said.verb == "canary":
        state = begun(said.version, state, said)
        world().router.serve(state["stable"], state["candidate"])
        if said.percent == round(100 * state_machine.share_of(state)):
            return state
    if not state_machine.is_running(state):
        raise ValueError(f"no experiment is running, so there is nothing to {said.verb}")
    facts = {"by": said.by, "reason": said.reason}
    if said.verb in ("pause", "resume"):
        yes = said.verb == "pause"
        return registry.update_state(
            lambda state: state_machine.paused(state, yes), f"{said.verb}d by a person", **facts
        )
    canary.decide(wanted(said) | facts)
    return canary.finish(world())


def begun(version: str, state: dict, said: argparse.Namespace) -> dict:
    """The state in which this version's experiment runs.

    Raises:
        ValueError: another's runs; or this version is stable, or not registered.
    """
    if state_machine.is_running(state) and state["candidate"] != version:
        raise ValueError(
            f"the experiment of {state['candidate']} runs: wait for its end, or end it by `veto`, then {version} may go"
        )
    if not state_machine.is_running(state) and state["stable"] == version:
        raise ValueError(f"{version} is stable already")
    if not any(storage.list_names(f"packages/{version}")):
        raise ValueError(f"no package {version} is registered: the nightly run registers what its gate releases")
    now, facts = datetime.now(UTC), {"by": said.by, "reason": said.reason, "version": version}
    return registry.update_state(
        lambda state: state_machine.released(state, version, now), "begun by a person", **facts
    )


def wanted(said: argparse.Namespace) -> dict:
    """The intent of a veto or of force."""
    if said.verb == "veto":
        return {"word": "end", "status": "vetoed"}
    if said.verb == "canary":
        return {"word": "ramp", "percent": said.percent}
    if said.what == "promote":
        return {"word": "promote"}
    if said.what == "roll-back":
        return {"word": "end", "status": "rolled back"}
    return {"word": "ramp", "percent": said.percent}


def parsed(arguments: list[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m components.release.control", description=ABOUT)
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("status", help="what is served, and what is under way")
    helps = {"pause": "decide nothing for now; guardrails still roll back", "resume": "decide again"}
    helps["veto"] = "end the experiment, keep stable"
    steered = {name: verbs.add_parser(name, help=text) for name, text in helps.items()}
    force = steered["force"] = verbs.add_parser("force", help="promote, roll back or ramp without a verdict")
    force.add_argument("what", choices=["promote", "roll-back", "ramp"])
    force.add_argument("percent", type=int, nargs="?", choices=range(1, 101), metavar="PERCENT", help="of a ramp")
    canary = steered["canary"] = verbs.add_parser("canary", help="give a registered version a share of traffic")
    canary.add_argument("version", help="as in packages/VERSION")
    canary.add_argument("percent", type=int, choices=range(101), metavar="PERCENT", help="0 to 100")
    for one in steered.values():
        one.add_argument("--reason", required=True, help="why; it is kept in the history")
        one.add_argument("--by", default=getpass.getuser(), help="who asks for it")
    said = parser.parse_args(arguments)
    if said.verb == "force" and (said.what == "ramp") != (said.percent is not None):
        parser.error("force ramp takes a PERCENT, as in `force ramp 25`; promote and roll-back take none")
    return said


def main(arguments: list[str]) -> int:
    """Steer, then print what is served."""
    from components.release.context import world_of_settings

    try:
        state = steer(parsed(arguments), world_of_settings)
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    print(json.dumps({name: state[name] for name in SHOWN}, indent=1))
    for entry in state["history"][-5:]:
        print(f"{entry['time']}  {entry['what']}  {entry.get('reason', '')}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

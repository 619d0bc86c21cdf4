"""Commands by which a person sees and controls the release; who did what and why stays in the history.

`python -m components.release.control status | canary VERSION 5 | pause | resume | veto | force promote|roll-back`
On a cluster `reconcile` is the loop of the pod release-control, which carries out what the others write down.
"""

import argparse
import getpass
import os
import signal
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime

from components import storage
from components.experiment_progress import read_progress
from components.release import state_machine
from components.release.context import Release
from components.release.decisions import check_not_replaced, decide_by_hand
from components.release.registry_mirror import mirror_release
from components.release_state import Intent, ReleaseState
from components.release_status import describe_state, state_json
from components.release_store import read_state, update_state

ABOUT = """See and control the release. `pause` keeps traffic as it is until `resume`, and only a broken guardrail still
rolls back; `veto` ends the experiment, all traffic to stable; `force` does what an experiment's verdict would have
done, without one; `canary` gives a registered version its share, beginning its experiment where none runs."""


def run_command(args: argparse.Namespace, release: Callable[[], Release]) -> ReleaseState:
    """Do what a person asks, and return the state.

    Raises:
        ValueError: no experiment is running, or another version's, or nobody registered that version; or another move
            is open, or took this one's place.
        TimeoutError: a side does not serve, or the gateway does not follow; the next look goes on with it.
    """
    state = read_state()
    if args.verb == "status":
        return state
    if args.verb == "canary":
        state = start_experiment(args, state)
        release().serve(state)
        if args.percent == round(100 * state.experiment.share) and not state.intent:
            return state
    if not state.running_experiment:
        raise ValueError(f"no experiment is running, so there is nothing to {args.verb}")
    if args.verb in ("pause", "resume"):
        return set_paused(args)
    before = decide_by_hand(intent_for_command(args))
    after = release().finish()
    check_not_replaced(after.history[len(before.history) :])
    return after


def set_paused(args: argparse.Namespace) -> ReleaseState:
    """Pause the experiment, or let it go on."""
    return update_state(
        lambda state: state_machine.set_paused(state, args.verb == "pause"),
        f"{args.verb}d by a person",
        by=args.by,
        reason=args.reason,
    )


def start_experiment(args: argparse.Namespace, state: ReleaseState) -> ReleaseState:
    """Return the state in which a version's experiment runs, started where none does.

    Raises:
        ValueError: another's runs; or this version is stable, or not registered.
    """
    version = args.version
    if state.running_experiment and state.candidate != version:
        raise ValueError(
            f"the experiment of {state.candidate} runs: wait for its end, or end it by `veto`, then {version} may go"
        )
    if not state.running_experiment and state.stable == version:
        raise ValueError(f"{version} is stable already")
    if not any(storage.list_names(f"packages/{version}")):
        raise ValueError(f"no package {version} is registered: the nightly run registers what its gate releases")
    now = datetime.now(UTC)
    return update_state(
        lambda state: state_machine.release_version(state, version, now),
        "begun by a person",
        by=args.by,
        reason=args.reason,
        version=version,
    )


def intent_for_command(args: argparse.Namespace) -> Intent:
    """Return the intent of a veto, a canary's share, or of force."""
    if args.verb == "veto":
        return Intent("end", args.reason, status="vetoed", by=args.by)
    if args.verb == "canary" or args.target == "ramp":
        return Intent("ramp", args.reason, percent=args.percent, by=args.by)
    if args.target == "promote":
        return Intent("promote", args.reason, by=args.by)
    return Intent("end", args.reason, status="rolled back", by=args.by)


def parse_args(arguments: list[str]) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="python -m components.release.control", description=ABOUT)
    verbs = parser.add_subparsers(dest="verb", required=True)
    status = verbs.add_parser("status", help="show versions, stage, what happens next and the last five events")
    status.add_argument("--json", action="store_true", help="the whole state and history, for programs")
    verbs.add_parser("reconcile", help="bring KServe and routes to the desired state, until a signal ends it")
    pause = verbs.add_parser("pause", help="decide nothing for now; guardrails still roll back")
    resume = verbs.add_parser("resume", help="decide again")
    veto = verbs.add_parser("veto", help="end the experiment, keep stable")
    force = verbs.add_parser("force", help="promote, roll back or ramp without a verdict")
    force.add_argument("target", choices=["promote", "roll-back", "ramp"])
    force.add_argument("percent", nargs="?", metavar="PERCENT", help="new share of a ramp, in percent")
    share = verbs.add_parser("canary", help="give a registered version a share of traffic")
    share.add_argument("version", help="as in packages/VERSION")
    share.add_argument("percent", metavar="PERCENT", help="new share, in percent, from 0 to 100")
    for verb in (pause, resume, veto, force, share):
        verb.add_argument("--reason", required=True, help="why; it is kept in the history")
        verb.add_argument("--by", default=user_name(), help="who asks for it")
    args = parser.parse_args(arguments)
    if args.verb == "force" and (args.target == "ramp") != (args.percent is not None):
        parser.error("force ramp takes a PERCENT, as in `force ramp 25`; promote and roll-back take none")
    if getattr(args, "percent", None) is not None:
        try:
            args.percent = parse_percent(args.percent, least=1 if args.verb == "force" else 0)
        except ValueError as error:
            parser.error(str(error))
    return args


def parse_percent(text: str, least: int) -> int:
    """Parse a whole number of percent.

    Raises:
        ValueError: the text is no whole number from `least` to 100; give one.
    """
    if not (text.isdecimal() and least <= int(text) <= 100):
        raise ValueError(f"PERCENT is {text}; give a whole number from {least} to 100")
    return int(text)


def user_name() -> str:
    """Return the user's name, or the number for want of a passwd entry."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"


def reconcile_until_signal() -> None:
    """Run release-control's loop until a signal ends it."""
    from components.release.context import context_from_settings
    from components.release.reconciler import Reconciler

    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    Reconciler(context_from_settings()).run(stop)


def main(arguments: list[str]) -> int:
    """Run a command, then print what is served."""
    from components.release.drivers import release_from_settings

    args = parse_args(arguments)
    try:
        if args.verb == "reconcile":
            reconcile_until_signal()
            return 0
        state = run_command(args, release_from_settings)
        if args.verb != "status" and (sentence := mirror_release(state)):
            print(sentence, file=sys.stderr)
        progress = read_progress(state.experiment, datetime.now(UTC))
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    print(state_json(state) if getattr(args, "json", False) else describe_state(state, progress))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

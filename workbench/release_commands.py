"""The commands of release control that people give here. The page itself moves nothing and writes no state."""

import os
import subprocess
import sys
from dataclasses import dataclass

from pydantic import BaseModel, Field

from components import storage
from components.release_state import ReleaseState
from workbench.page import PageError

CONTROL = (sys.executable, "-m", "components.release.control")
TIMEOUT_S = 300  # of a move: the other side has to come up


@dataclass(frozen=True)
class Action:
    """What a person may ask for: the command's words, and what it does."""

    title: str
    words: tuple[str, ...]
    effect: str


ACTIONS = {
    "promote": Action("Promote", ("force", "promote"), "The candidate becomes stable for all, without a verdict."),
    "roll-back": Action("Roll back", ("force", "roll-back"), "All traffic goes back to stable; the experiment ends."),
    "veto": Action("Veto", ("veto",), "The experiment ends as vetoed, all traffic on stable."),
    "pause": Action("Pause", ("pause",), "Nothing is decided until it resumes; a broken guardrail still rolls back."),
    "resume": Action("Resume", ("resume",), "The next look decides again."),
    "canary": Action("Try a version", ("canary",), "The version gets this share of traffic; its experiment begins."),
}


class Order(BaseModel):
    """What a person wants done, and the state that they looked at."""

    action: str
    reason: str = Field(min_length=1, max_length=500)
    by: str = Field("", max_length=100)
    revision: int
    version: str = Field("", max_length=100)
    percent: int = Field(0, ge=0, le=100)

    def command(self) -> list[str]:
        """Return the words of release control's command line."""
        words = [*ACTIONS[self.action].words]
        if self.action == "canary":
            words += [self.version, str(self.percent)]
        return [*words, f"--by={self.by}", f"--reason={self.reason}"]


def possible_actions(state: ReleaseState) -> list[str]:
    """Return what may be asked for now."""
    if not state.running_experiment:
        return ["canary"] if state.stable and other_versions(state) else []
    is_paused = state.running_experiment.is_paused
    return ["promote", "roll-back", "veto", "resume" if is_paused else "pause"]


def other_versions(state: ReleaseState) -> list[str]:
    """Return the registered versions that do not serve."""
    versions = {name.split("/")[1] for name in storage.list_names("packages")}
    return sorted(versions - {state.stable, state.candidate})


def check_order(order: Order, state: ReleaseState) -> None:
    """Check that an order fits the state.

    Raises:
        PageError: the state has moved on, or there is nothing to do it to.
    """
    if order.revision != state.revision:
        raise PageError(409, "Nothing was done, for the release has changed since you looked: look again.")
    if order.action not in possible_actions(state):
        raise PageError(409, f"Nothing was done: there is nothing to {order.action} now.")
    if order.action == "canary" and order.version not in other_versions(state):
        raise PageError(409, f"Nothing was done: {order.version!r} is no registered version that could be tried.")
    if not order.reason.strip():
        raise PageError(422, "Nothing was done: say why; it stays in the history.")


def run_order(order: Order) -> str:
    """Give an order to release control, and return what it prints.

    Raises:
        PageError: it refused, or did not end in time; with its reason.
    """
    command = [*CONTROL, *order.command()]
    try:
        result = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, env=os.environ)
    except subprocess.TimeoutExpired:
        raise PageError(504, f"Release control has not ended after {TIMEOUT_S} s: its next look goes on.") from None
    if result.returncode:
        reason = result.stderr.strip() or f"it ended with {result.returncode}"
        raise PageError(409, f"Release control refused: {reason}")
    return result.stdout

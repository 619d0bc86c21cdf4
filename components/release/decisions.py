"""Decisions on the release, written down before anything moves. A person learns of one that cannot be carried out."""

from collections.abc import Callable, Sequence

from components.release import state_machine
from components.release_state import HistoryEntry, Intent, ReleaseState
from components.release_store import update_state


def decide(intent: Intent) -> ReleaseState:
    """Write down what is to be moved, before anything is.

    Another move that is open stays, unless this one ends it.
    """
    return _write_intent(intent, lambda state: state_machine.set_intent(state, intent))


def decide_by_hand(intent: Intent) -> ReleaseState:
    """Write down what a person wants moved.

    Raises:
        ValueError: no experiment is running, or another move is open that this one cannot replace; wait for it.
    """

    def change(state: ReleaseState) -> ReleaseState:
        if problem := state_machine.intent_problem(state, intent):
            raise ValueError(problem)
        return state_machine.set_intent(state, intent)

    return _write_intent(intent, change)


def check_not_replaced(later_entries: Sequence[HistoryEntry]) -> None:
    """Check that no other decision took the place of a move.

    `later_entries` are those that the history got after the move was written down.

    Raises:
        ValueError: the candidate does not serve, or somebody rolled back; the sentence has the reason.
    """
    entry = next((entry for entry in later_entries if "intent" in entry.new_values), None)
    intent = entry and entry.new_values["intent"]
    if intent and intent["word"] != state_machine.PROMOTION_BEGUN:
        raise ValueError(f"this move was not finished, for another took its place: {entry.what}: {entry.reason}")


def _write_intent(intent: Intent, change: Callable[[ReleaseState], ReleaseState]) -> ReleaseState:
    return update_state(change, f"decided: {intent.status or intent.action}", **intent.facts())

"""Release: what serves, what is tried and how far it is; and the orders that release control carries out."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Form
from starlette.requests import Request

from components.experiment_progress import read_progress
from components.release_status import describe_intent, describe_next, describe_stage
from components.release_store import read_state
from workbench.identity import acting_name
from workbench.looks import interval_chart, read_looks
from workbench.page import show
from workbench.release_commands import ACTIONS, Order, check_order, other_versions, possible_actions, run_order

SHOWN_EVENTS = 30
router = APIRouter()


@router.get("/release")
def show_release(request: Request):
    """Show the release."""
    state = read_state()
    progress = read_progress(state.experiment, datetime.now(UTC))
    looks = read_looks(state.experiment)
    measures = list(dict.fromkeys(look.measure for look in looks if look.measure))
    context = {
        "state": state,
        "stage": describe_stage(state.experiment) if state.experiment else "no experiment yet",
        "intent": describe_intent(state),
        "progress": progress,
        "next_step": describe_next(state, progress.next_look),
        "looks": looks[::-1],
        "charts": {measure: interval_chart(looks, measure) for measure in measures},
        "history": state.history[: -SHOWN_EVENTS - 1 : -1],
        "actions": {name: ACTIONS[name] for name in possible_actions(state)},
        "versions": other_versions(state),
    }
    return show(request, "release.html.j2", context)


@router.post("/release/confirm")
def confirm(request: Request, order: Annotated[Order, Form()]):
    """Show what an order would do, before it is given."""
    state = read_state()
    order.by = acting_name(request, order.by)
    check_order(order, state)
    return show(request, "confirm.html.j2", {"order": order, "action": ACTIONS[order.action], "state": state})


@router.post("/release/orders")
def give_order(request: Request, order: Annotated[Order, Form()]):
    """Give an order to release control, and show its answer."""
    order.by = acting_name(request, order.by)
    check_order(order, read_state())
    return show(request, "order.html.j2", {"action": ACTIONS[order.action], "answer": run_order(order)})

"""The gateway that does not answer: a state of its own, in which no candidate is blamed and nothing is decided."""

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from components.release_store import read_state, update_state


class UnreachableGateway(ConnectionError):
    """No arm is answered through the gateway, so nothing is known of the candidate."""


def note_gateway_problem(problem: str) -> None:
    """Note why the gateway does not answer, "" once it does."""
    what = "the gateway does not answer: nothing is decided" if problem else "the gateway answers again"
    facts = {"reason": problem} if problem else {}
    update_state(lambda state: replace(state, gateway_problem=problem), what, **facts)


@contextmanager
def record_gateway_problem(read_problem: Callable[[], str]) -> Iterator[None]:
    """Note the problem of a gateway that does not answer, and its end.

    `read_problem` asks the gateway once more where the state names a problem, and returns "" where it answers.
    """
    try:
        yield
    except UnreachableGateway as error:
        note_gateway_problem(str(error))
        raise
    if read_state().gateway_problem and not read_problem():
        note_gateway_problem("")


def dump_routes(admin_url: str, timeout_s: float) -> list[dict]:
    """Return the route configurations that Envoy serves, as its admin interface lists them.

    Raises:
        UnreachableGateway: nobody answers at that address: start the gateway, or mend BROADFAST_GATEWAY_ADMIN_URL.
    """
    url = f"{admin_url}/config_dump?resource=dynamic_route_configs"
    try:
        with urllib.request.urlopen(url, timeout=timeout_s) as response:
            return json.load(response).get("configs", [])
    except urllib.error.HTTPError:
        raise
    except OSError as error:
        reason = getattr(error, "reason", error)
        raise UnreachableGateway(f"Envoy's admin interface at {admin_url} does not answer: {reason}") from error

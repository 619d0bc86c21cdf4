"""The gateway's traffic: what any router can do, and the router for Envoy, whose routes are files that Envoy watches.

A request with `x-arm` goes where it says. Any other is drawn by weight, request by request: a hash of the user without
a salt would put the same users into every canary.
"""

import json
import os
import tempfile
from pathlib import Path
from typing import Protocol

from components.json_path import read_path
from components.release.gateway import dump_routes
from components.waiting import wait_until

TYPES = "type.googleapis.com/envoy"
RETRIES = {
    "retry_on": "connect-failure,refused-stream,reset,retriable-status-codes",
    "retriable_status_codes": [503],
    "num_retries": 2,
    "retry_priority": {  # a retry goes to the other side of the aggregate cluster, not to the dead one again
        "name": "envoy.retry_priorities.previous_priorities",
        "typed_config": {
            "@type": f"{TYPES}.extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig",
            "update_frequency": 1,
        },
    },
}
TIMEOUT = "10s"
CANDIDATE = "candidate_or_stable"  # Envoy falls back to stable where the candidate does not answer
INTERLEAVER = "interleaver_or_stable"  # likewise
SHADOW = {  # while the candidate is dark it gets a copy of every request; the answer is dropped, nothing is recorded
    "cluster": "candidate",
    "request_headers_mutations": [
        {
            "append": {
                "header": {"key": "x-shadow", "value": "1"},
                "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
            }
        }
    ],
}
LISTENERS = ("internal", "edge")
# only the shop's front end may say these; who comes in from outside has them taken off
STRIPPED = ("x-arm", "x-experiment-id", "x-user-hash", "x-shadow", "knative-serving-tag")
UNSETTLED = -1  # of listeners that serve different weights, or none yet


class Router(Protocol):
    """Moves requests that name no arm between the stable version and the candidate."""

    arms: bool  # whether a request that names an arm gets there; where it does not, no experiment has a verdict
    can_interleave: bool  # whether a request of `x-arm: interleave` gets to an interleaver

    def serve(self, stable: str | None, candidate: str | None, interleaves: bool = False) -> None:
        """Have both sides run these versions, and an interleaver where one is needed.

        Without a candidate its arm is stable's, and its servers go. So it is with the interleaver.
        """

    def set_traffic(self, percent: int) -> None:
        """Send `percent` of them to the candidate, and return when that is really so."""

    def promote(self, version: str) -> None:
        """Make the stable side run `version`, which the candidate side serves meanwhile."""

    def roll_back(self) -> None:
        """Send all of them to the stable version."""

    def read_back(self) -> int:
        """Return the percentage that is really served, as the gateway itself says."""

    def candidate_outage(self, version: str) -> str:
        """Return why no pod of the candidate is available, "" if one is."""


class EnvoyRouter:
    """Routes as two watched files, `rds/internal.yaml` (honours x-arm) and `rds/edge.yaml` (ignores and strips it)."""

    arms = True
    can_interleave = True

    def __init__(self, folder: str | Path, admin_url: str, timeout_s: float = 30.0):
        self.folder = Path(folder)
        self.admin_url = admin_url.rstrip("/")
        self.timeout_s = timeout_s

    def write_routes(self, percent: int) -> None:
        """Write both files, whole, by rename inside the watched folder.

        Raises:
            ValueError: the percentage is not a whole number from 0 to 100.
        """
        whole_percent(percent)
        for listener in LISTENERS:
            _replace(self.folder / "rds" / f"{listener}.yaml", json.dumps(routes(listener, percent), indent=1))

    def serve(self, stable: str | None, candidate: str | None, interleaves: bool = False) -> None:
        """Do nothing: who runs the servers follows the desired state, which names both versions."""

    def set_traffic(self, percent: int) -> None:
        """Write the weights and wait until Envoy's admin interface reports them.

        Raises:
            TimeoutError: Envoy serves something else after `timeout_s`.
        """
        self.write_routes(percent)
        served_percent = wait_until(self.read_back, lambda value: value == percent, self.timeout_s, pause_s=0.1)
        if served_percent != percent:
            weights = "different weights at its listeners" if served_percent == UNSETTLED else f"{served_percent}%"
            raise TimeoutError(
                f"Envoy at {self.admin_url} serves {weights} after {self.timeout_s:.0f} s, not {percent}%: "
                f"does it watch {self.folder / 'rds'}?"
            )

    def promote(self, version: str) -> None:
        """Do nothing: who runs the servers follows the desired state, which names the version."""

    def roll_back(self) -> None:
        """Send every request without an arm to stable."""
        self.set_traffic(0)

    def candidate_outage(self, version: str) -> str:
        """Return nothing: Envoy falls back to stable by itself."""
        return ""

    def read_back(self) -> int:
        """Return the candidate's weight at both of Envoy's listeners, `UNSETTLED` while they disagree.

        Raises:
            UnreachableGateway: Envoy's admin interface does not answer: start the gateway.
        """
        configs = [entry.get("route_config", {}) for entry in dump_routes(self.admin_url, self.timeout_s)]
        weights = {config.get("name"): _candidate_weight(config) for config in configs}
        served_percents = {weights.get(listener, UNSETTLED) for listener in LISTENERS}
        return served_percents.pop() if len(served_percents) == 1 else UNSETTLED


def whole_percent(percent: int) -> int:
    """Return a share of traffic as gateways take it.

    Raises:
        ValueError: it is not a whole number from 0 to 100.
    """
    if percent not in range(101):
        raise ValueError(f"traffic_percent is {percent!r}; give a whole number from 0 to 100")
    return percent


def routes(listener: str, percent: int) -> dict:
    """Return a discovery response with one listener's routes.

    Only the internal one has rules for x-arm.
    """
    candidate = {"cluster": CANDIDATE, "timeout": TIMEOUT, "retry_policy": RETRIES}
    shadow_policy = {"request_mirror_policies": [SHADOW]} if percent == 0 else {}
    interleaver = {"cluster": INTERLEAVER, "timeout": TIMEOUT, "retry_policy": RETRIES}
    control = {"cluster": "stable", "timeout": TIMEOUT} | shadow_policy
    arms = [_arm("treatment", candidate), _arm("control", control), _arm("interleave", interleaver)]
    weights = {"stable": 100 - percent, CANDIDATE: percent}
    split = {
        "timeout": TIMEOUT,
        "retry_policy": RETRIES,
        "weighted_clusters": {"clusters": [{"name": name, "weight": weight} for name, weight in weights.items()]},
        **shadow_policy,
    }
    internal = listener == "internal"
    config = {
        "@type": f"{TYPES}.config.route.v3.RouteConfiguration",
        "name": listener,
        "request_headers_to_remove": [] if internal else ["x-arm", "x-experiment-id"],
        "virtual_hosts": [
            {
                "name": "relevance",
                "domains": ["*"],
                "routes": [*(arms if internal else []), {"match": {"prefix": "/"}, "route": split}],
            }
        ],
    }
    return {"version_info": f"{percent}-percent", "resources": [config]}


def _arm(arm: str, route: dict) -> dict:
    return {"match": {"prefix": "/", "headers": [{"name": "x-arm", "string_match": {"exact": arm}}]}, "route": route}


def _candidate_weight(config: dict) -> int:
    (virtual_host,) = config.get("virtual_hosts", [])
    split = read_path(virtual_host.get("routes")[-1], "route", "weighted_clusters", "clusters")
    weights = {cluster.get("name"): cluster.get("weight", 0) for cluster in split}
    return weights.get(CANDIDATE, 0)


def _replace(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, partial_path = tempfile.mkstemp(dir=path.parent, prefix=".")
    with os.fdopen(handle, "w") as file:
        file.write(text)
    os.replace(partial_path, path)

"""The rules of the two HTTPRoutes that the release owns, and whether a gateway has taken them."""

import sys
from collections.abc import Mapping, Sequence

from components.json_path import read_path
from components.kubernetes_api import KubernetesApi
from components.release.kserve import INTERLEAVER, STABLE
from components.release.router import STRIPPED

ROUTE_CONDITIONS = ("Accepted", "ResolvedRefs")  # each gateway has to say them
PROGRAMMED = "Programmed"  # of a Gateway and of each listener
BACKENDS = "BackendsAvailable"  # Envoy Gateway's own: False where any backend of any rule has no pod at all


def inside_rules(percent: int, dark: str, interleaves: bool = False) -> list[dict]:
    """Return the rules of callers inside: treatment, control, interleaved pages, and no arm by weight.

    `dark` is the service of the treatment arm: stable's, once there is no candidate. Pages that nobody interleaves are
    stable's, too.
    """
    interleaver = _service(INTERLEAVER) if interleaves else _backend(STABLE)
    return [
        {"matches": [_arm("treatment")], "backendRefs": [_backend(dark)]},
        {"matches": [_arm("control")], "backendRefs": [_backend(STABLE)]},
        {"matches": [_arm("interleave")], "backendRefs": [interleaver]},
        {"matches": [_everything()], "backendRefs": _split(percent, dark)},
    ]


def edge_rules(percent: int, dark: str, interleaves: bool = False) -> list[dict]:
    """Return the one rule of callers outside, by weight and without an arm of theirs."""
    strip = {"type": "RequestHeaderModifier", "requestHeaderModifier": {"remove": list(STRIPPED)}}
    return [{"matches": [_everything()], "filters": [strip], "backendRefs": _split(percent, dark)}]


def rules_with_backends(route: Mapping | None) -> list[dict]:
    """Return a route's rules without the default rule, which has no backend."""
    return [rule for rule in read_path(route, "spec", "rules") or [] if rule.get("backendRefs")]


def arm_service(rules: Sequence[Mapping], arm: str) -> str:
    """Return the service that an arm's requests go to, "" without such a rule."""
    for rule in rules:
        for match in rule.get("matches", []):
            if any(header.get("value") == arm for header in match.get("headers", [])):
                return rule.get("backendRefs")[0].get("name").removesuffix("-predictor")
    return ""


def candidate_percent(rules: Sequence[Mapping]) -> int:
    """Return the percentage of requests without an arm for the second backend, the candidate."""
    backends = rules[-1].get("backendRefs")
    weights = [backend.get("weight", 1) for backend in backends]
    return round(100 * weights[1] / sum(weights)) if len(weights) == 2 and sum(weights) else 0


def route_problem(api: KubernetesApi, route: Mapping | None) -> str:
    """Return why the gateways do not serve a route as it stands, if so."""
    if not rules_with_backends(route):
        return "the HTTPRoute has no rules"
    parents = read_path(route, "status", "parents") or []
    if not parents:
        return "no gateway answers for the HTTPRoute"
    generation = read_path(route, "metadata", "generation") or 0
    for parent in parents:
        problem = _condition_problem(parent.get("conditions", []), generation)
        problem = problem or _gateway_problem(api, parent.get("parentRef", {}))
        if problem:
            return problem
    return ""


def _condition_problem(conditions: Sequence[Mapping], generation: int) -> str:
    """Return the first condition that does not hold for the route's generation."""
    by_type = {condition.get("type"): condition for condition in conditions}
    for name in ROUTE_CONDITIONS:
        condition = by_type.get(name, {})
        if condition.get("status") != "True" or condition.get("observedGeneration", 0) < generation:
            return f"the HTTPRoute is not {name} at its newest generation{_message(condition)}"
    return ""


def missing_endpoints(route: Mapping | None) -> str:
    """Return Envoy Gateway's words on backends without any pod, "" without any."""
    for parent in read_path(route, "status", "parents") or []:
        for condition in parent.get("conditions", []):
            if condition.get("type") == BACKENDS and condition.get("status") == "False":
                return _message(condition) or f" ({BACKENDS} is False)"
    return ""


def _gateway_problem(api: KubernetesApi, parent: Mapping) -> str:
    """Return why a route's Gateway does not serve.

    A route is Accepted while its listener has no certificate and no proxy runs.
    """
    name = parent.get("name")
    if not name:
        return ""
    try:
        gateway = api.get("Gateway", name, parent.get("namespace", ""))
    except PermissionError as error:
        print(f"whether the Gateway {name} serves cannot be seen: {error}", file=sys.stderr, flush=True)
        return ""
    if not gateway:
        return f"there is no Gateway {name}"
    problem = _not_programmed(f"the Gateway {name}", read_path(gateway, "status", "conditions") or [])
    for listener in read_path(gateway, "status", "listeners") or []:
        if parent.get("sectionName") in (None, listener.get("name")):
            subject = f"the listener {listener.get('name')} of the Gateway {name}"
            problem = problem or _not_programmed(subject, listener.get("conditions", []))
    return problem


def _not_programmed(subject: str, conditions: Sequence[Mapping]) -> str:
    """Return that a Gateway or a listener does not serve, and why.

    The reason may be another condition's.
    """
    by_type = {condition.get("type"): condition for condition in conditions}
    if by_type.get(PROGRAMMED, {}).get("status", "True") == "True":
        return ""
    causes = [by_type[name] for name in (*ROUTE_CONDITIONS, PROGRAMMED) if name in by_type]
    reason = next(condition for condition in causes if condition.get("status") != "True")
    return f"{subject} is not programmed{_message(reason)}"


def _message(condition: Mapping) -> str:
    text = condition.get("message") or condition.get("reason")
    return f" ({text})" if text else ""


def _split(percent: int, dark: str) -> list[dict]:
    weights = {STABLE: 100 - percent} | ({dark: percent} if dark != STABLE else {})
    return [_backend(name) | {"weight": weight} for name, weight in weights.items()]


def _backend(name: str) -> dict:
    return _service(f"{name}-predictor")


def _service(name: str) -> dict:
    return {"group": "", "kind": "Service", "name": name, "port": 80}


def _everything() -> dict:
    return {"path": {"type": "PathPrefix", "value": "/"}}


def _arm(arm: str) -> dict:
    return _everything() | {"headers": [{"type": "Exact", "name": "x-arm", "value": arm}]}

"""Rules of network policies: deny by default, a policy for each pod, no way to the internet."""

import ipaddress
from collections.abc import Iterator, Sequence

from pipelines.cluster.manifest_pods import full_name, pods

BOTH_WAYS = {"Ingress", "Egress"}
ALL_OF_OURS = {"matchLabels": {"app.kubernetes.io/part-of": "broadfast"}}


def check_network(objects: Sequence[dict]) -> Iterator[str]:
    """Demand a default deny, and for each pod a policy of both ways."""
    policies = [manifest for manifest in objects if manifest["kind"] == "NetworkPolicy"]
    if not any(denies_all(policy) for policy in policies):
        yield "NetworkPolicy: none denies everything to everybody"
    for pod in pods(objects):
        ways = own_policy_types(policies, pod.labels)
        if pod.labels and not ways >= BOTH_WAYS:
            yield f"{pod.name}: no policy of its own for {', '.join(sorted(BOTH_WAYS - ways))}"
    for policy in policies:
        yield from (f"{full_name(policy)}: {fault}" for fault in _egress_faults(policy))


def own_policy_types(policies: Sequence[dict], labels: dict) -> set[str]:
    """Return the types of the policies that select a pod by its labels."""
    own = [
        policy
        for policy in policies
        if policy["spec"]["podSelector"] not in ({}, ALL_OF_OURS)
        and selector_matches(policy["spec"]["podSelector"], labels)
    ]
    return {way for policy in own for way in policy["spec"]["policyTypes"]}


def denies_all(policy: dict) -> bool:
    """Return whether a policy denies both ways to every pod, or to all of ours."""
    spec = policy["spec"]
    allows_something = spec.get("ingress") or spec.get("egress")
    selects_all = spec["podSelector"] in ({}, ALL_OF_OURS)
    return selects_all and set(spec["policyTypes"]) == BOTH_WAYS and not allows_something


def selector_matches(selector: dict, labels: dict) -> bool:
    """Return whether a label selector takes an object with these labels."""
    for name, value in selector.get("matchLabels", {}).items():
        if labels.get(name) != value:
            return False
    return all(_expression_holds(expression, labels) for expression in selector.get("matchExpressions", []))


def _expression_holds(expression: dict, labels: dict) -> bool:
    value = labels.get(expression["key"])
    values = expression.get("values", [])
    results = {
        "In": value in values,
        "NotIn": value not in values,
        "Exists": value is not None,
        "DoesNotExist": value is None,
    }
    return results[expression["operator"]]


def _egress_faults(policy: dict) -> Iterator[str]:
    for rule in policy["spec"].get("egress", []):
        if not rule.get("to"):
            yield "a way out to everywhere"
        for peer in rule.get("to", []):
            block = peer.get("ipBlock", {}).get("cidr")
            if block and not ipaddress.ip_network(block).is_private:
                yield f"a way out to {block}, which is the internet's"

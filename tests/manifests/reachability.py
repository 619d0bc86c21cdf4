"""Which pods can reach which services under rendered network policies, as Kubernetes defines it."""

import ipaddress
from dataclasses import dataclass, field

from pipelines.cluster.network_rules import selector_matches

OURS = {"kubernetes.io/metadata.name": "broadfast"}


@dataclass(frozen=True)
class Pod:
    """One side of a connection. A pod of another namespace has that namespace's labels."""

    labels: dict = field(default_factory=dict)
    namespace: dict = field(default_factory=lambda: OURS)


@dataclass(frozen=True)
class Service:
    """A service: its pod, or its address outside of the cluster's pods, and its port."""

    port: int
    pod: Pod | None = None
    address: str = ""
    protocol: str = "TCP"


def can_reach(policies: list[dict], source: Pod, service: Service) -> bool:
    """Return whether egress of the source and ingress of the service both allow the connection."""
    leaves = source.namespace != OURS or _allows(policies, "Egress", source, service, service.pod)
    is_outside = service.pod is None or service.pod.namespace != OURS
    return leaves and (is_outside or _allows(policies, "Ingress", service.pod, service, source))


def _allows(policies: list[dict], way: str, pod: Pod, service: Service, peer: Pod | None) -> bool:
    selecting = [
        policy["spec"]
        for policy in policies
        if way in policy["spec"]["policyTypes"] and selector_matches(policy["spec"]["podSelector"], pod.labels)
    ]
    peers_key = "to" if way == "Egress" else "from"
    rules = [rule for spec in selecting for rule in spec.get(way.lower(), [])]
    return not selecting or any(_rule_allows(rule, peers_key, service, peer) for rule in rules)


def _rule_allows(rule: dict, peers_key: str, service: Service, peer: Pod | None) -> bool:
    ports = rule.get("ports")
    has_port = not ports or any(
        (port.get("protocol", "TCP"), port.get("port", service.port)) == (service.protocol, service.port)
        for port in ports
    )
    peers = rule.get(peers_key)
    return has_port and (not peers or any(_peer_matches(entry, service, peer) for entry in peers))


def _peer_matches(entry: dict, service: Service, peer: Pod | None) -> bool:
    """Match a peer. An ipBlock is for addresses outside: network plugins do not agree on pods' addresses."""
    if "ipBlock" in entry:
        return peer is None and ipaddress.ip_address(service.address) in ipaddress.ip_network(entry["ipBlock"]["cidr"])
    if peer is None:
        return False
    if "namespaceSelector" in entry:
        in_namespace = selector_matches(entry["namespaceSelector"], peer.namespace)
    else:
        in_namespace = peer.namespace == OURS
    return in_namespace and selector_matches(entry.get("podSelector", {}), peer.labels)

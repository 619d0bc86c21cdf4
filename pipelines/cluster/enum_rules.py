"""Rules of fixed values and ranges, which the published schemas of Kubernetes leave open and its API server refuses.

Source: the Kubernetes API reference, version 1.34.
"""

from collections.abc import Iterator, Sequence

from pipelines.cluster.manifest_pods import full_name

BUILT_IN = ("v1", "apps/v1", "batch/v1", "networking.k8s.io/v1", "policy/v1", "autoscaling/v2")
ENUMS = {  # by field, of any kind
    "imagePullPolicy": {"Always", "IfNotPresent", "Never"},
    "restartPolicy": {"Always", "OnFailure", "Never"},
    "policyTypes": {"Ingress", "Egress"},
    "dnsPolicy": {"ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"},
    "whenUnsatisfiable": {"DoNotSchedule", "ScheduleAnyway"},
    "terminationMessagePolicy": {"File", "FallbackToLogsOnError"},
    "accessModes": {"ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod"},
    "concurrencyPolicy": {"Allow", "Forbid", "Replace"},
    "podManagementPolicy": {"OrderedReady", "Parallel"},
}
BUILT_IN_ENUMS = {  # by field, of built-in kinds: others give the name another meaning
    "protocol": {"TCP", "UDP", "SCTP"},
    "sessionAffinity": {"None", "ClientIP"},
    "externalTrafficPolicy": {"Cluster", "Local"},
    "internalTrafficPolicy": {"Cluster", "Local"},
    "unhealthyPodEvictionPolicy": {"AlwaysAllow", "IfHealthyBudget"},
}
TYPES = {  # of `type`, by the field that holds it
    "strategy": {"RollingUpdate", "Recreate"},
    "updateStrategy": {"RollingUpdate", "OnDelete"},
    "seccompProfile": {"RuntimeDefault", "Localhost", "Unconfined"},
}
SERVICE_TYPES = {"ClusterIP", "NodePort", "LoadBalancer", "ExternalName"}
LEAST = {  # by field, of any kind
    "replicas": 0,
    "minReplicas": 0,
    "minReadySeconds": 0,
    "revisionHistoryLimit": 0,
    "terminationGracePeriodSeconds": 0,
    "backoffLimit": 0,
    "activeDeadlineSeconds": 1,
    "initialDelaySeconds": 0,
    "periodSeconds": 1,
    "timeoutSeconds": 1,
    "failureThreshold": 1,
    "successThreshold": 1,
}
PORTS = {"containerPort", "hostPort", "nodePort"}
JOBS = ("Job", "CronJob")


def check_enums(objects: Sequence[dict]) -> Iterator[str]:
    """Find values and numbers that the API server refuses though the schema allows them."""
    for manifest in objects:
        enums = ENUMS | (BUILT_IN_ENUMS if manifest["apiVersion"] in BUILT_IN else {})
        for path, value in _walk(manifest):
            if fault := _value_fault(path, value, enums):
                yield f"{full_name(manifest)}: {'/'.join(path)}: {fault}"
        yield from (f"{full_name(manifest)}: {fault}" for fault in _kind_faults(manifest))


def _walk(node: dict, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], object]]:
    """Yield every field that holds no object, with its path.

    Each value of a list is one.
    """
    for name, value in node.items():
        for entry in value if isinstance(value, list) else [value]:
            if isinstance(entry, dict):
                yield from _walk(entry, (*path, name))
            else:
                yield (*path, name), entry


def _value_fault(path: tuple[str, ...], value: object, enums: dict[str, set[str]]) -> str:
    name = path[-1]
    parent = path[-2] if len(path) > 1 else ""
    values = TYPES.get(parent) if name == "type" else enums.get(name)
    if values and value not in values:
        return f"is {value!r}; give one of {', '.join(sorted(values))}"
    is_number = isinstance(value, int) and not isinstance(value, bool)
    if is_number and value < LEAST.get(name, value):
        return f"is {value}; give at least {LEAST[name]}"
    if is_number and name in PORTS and not 1 <= value <= 65535:
        return f"is {value}; give a port from 1 to 65535"
    return ""


def _kind_faults(manifest: dict) -> Iterator[str]:
    kind = manifest["kind"]
    spec = manifest.get("spec", {})
    if kind == "Service" and manifest["apiVersion"] == "v1" and spec.get("type", "ClusterIP") not in SERVICE_TYPES:
        yield f"spec/type: is {spec['type']!r}; give one of {', '.join(sorted(SERVICE_TYPES))}"
    if kind in JOBS and manifest["apiVersion"] == "batch/v1":
        job = spec["jobTemplate"]["spec"] if kind == "CronJob" else spec
        if job["template"]["spec"].get("restartPolicy") not in ("OnFailure", "Never"):
            yield "restartPolicy: a job's pods need OnFailure or Never"

"""What rendered manifests must hold to: `kubectl kustomize ... | python -m pipelines.cluster.manifest_rules`.

Pod Security `restricted`, least rights, no way out that nobody asked for, secrets by reference alone, and what KServe's
schema does not say. Each rule is a function of all objects that yields its faults.
"""

import ipaddress
import re
import sys
from collections.abc import Callable, Iterator, Sequence

import kubernetes_validate
import yaml

from pipelines.cluster.manifest_pods import Pod, pods

KUBERNETES = "1.34"
BUILT_IN = re.compile(r"v1|[a-z]+/v\d+|[a-z.]+\.k8s\.io/v\d+")
OURS = ("relevance", "relevance-stable", "relevance-candidate")
MODE = "serving.kserve.io/deploymentMode"
STANDARD, KNATIVE = ("Standard", "RawDeployment"), ("Knative", "Serverless")
VOLUMES = {
    "configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret", "image",
}  # fmt: skip
CHANGES = {"update", "patch", "delete", "deletecollection"}
HIDDEN = re.compile(r"(PASSWORD|SECRET|TOKEN|ACCESS_KEY|API_KEY|CREDENTIAL)")
DIGEST = re.compile(r"@sha256:[0-9a-f]{64}$")
Rule = Callable[[Sequence[dict]], Iterator[str]]


def schemas(objects: Sequence[dict]) -> Iterator[str]:
    """Built-in kinds have no unknown field and no wrong type; custom resources need their CRDs."""
    for one in objects:
        if not BUILT_IN.fullmatch(one["apiVersion"]) or one["apiVersion"].startswith("gateway."):
            continue
        try:
            kubernetes_validate.validate(one, KUBERNETES, strict=True)
        except kubernetes_validate.ValidationError as error:
            yield f"{named(one)}: {'/'.join(map(str, error.path))}: {error.message[:160]}"


def restricted(objects: Sequence[dict]) -> Iterator[str]:
    """Pod Security Standards, level restricted, and beyond it a root that nobody can write to and stated resources."""
    for pod in pods(objects):
        yield from (f"{pod.name}: {fault}" for fault in _of_pod(pod))
        for container in pod.containers:
            yield from (f"{pod.name}/{container['name']}: {fault}" for fault in _of_container(pod, container))


def _of_pod(pod: Pod) -> Iterator[str]:
    for field in ("hostNetwork", "hostPID", "hostIPC"):
        if pod.spec.get(field):
            yield f"{field} is set"
    for volume in pod.spec.get("volumes", []):
        if kinds := volume.keys() - {"name"} - VOLUMES:
            yield f"volume {volume['name']} is a {', '.join(kinds)}"
    if pod.spec.get("automountServiceAccountToken") is not False and not pod.needs_token:
        yield "automountServiceAccountToken is not false, and nothing here asks the API server"


def _of_container(pod: Pod, container: dict) -> Iterator[str]:
    said = pod.security | container.get("securityContext", {})
    if said.get("runAsNonRoot") is not True or said.get("runAsUser", 1) == 0:
        yield "runAsNonRoot is not true"
    if said.get("allowPrivilegeEscalation") is not False or said.get("privileged"):
        yield "allowPrivilegeEscalation is not false"
    capabilities = said.get("capabilities", {})
    if capabilities.get("drop") != ["ALL"] or set(capabilities.get("add", [])) - {"NET_BIND_SERVICE"}:
        yield "capabilities are not all dropped"
    if said.get("seccompProfile", {}).get("type") not in ("RuntimeDefault", "Localhost"):
        yield "seccompProfile is neither RuntimeDefault nor Localhost"
    if said.get("readOnlyRootFilesystem") is not True:
        yield "readOnlyRootFilesystem is not true"
    for port in container.get("ports", []):
        if port.get("hostPort"):
            yield f"hostPort {port['hostPort']}"
    resources = container.get("resources", {})
    if not {"cpu", "memory"} <= resources.get("requests", {}).keys() or "memory" not in resources.get("limits", {}):
        yield "no requests of cpu and memory, or no limit of memory"


def images(objects: Sequence[dict]) -> Iterator[str]:
    """Every image has a tag that stays, or a digest."""
    for pod, container in _containers(objects):
        name = container["image"].rpartition("/")[2]
        if "@" not in name and (":" not in name or name.endswith(":latest")):
            yield f"{pod.name}/{container['name']}: image {container['image']} has no tag that stays"


def digests(objects: Sequence[dict]) -> Iterator[str]:
    """Every image is by digest; asked of production."""
    for pod, container in _containers(objects):
        if not DIGEST.search(container["image"]):
            yield f"{pod.name}/{container['name']}: image {container['image']} is by tag: run `make pin`"


def rights(objects: Sequence[dict]) -> Iterator[str]:
    """No wildcard, no right over a whole cluster, and what changes things names them."""
    for one in objects:
        if one["kind"] in ("ClusterRole", "ClusterRoleBinding"):
            yield f"{named(one)}: nothing here needs a right over the whole cluster"
        for rule in one.get("rules", []) if one["kind"] in ("Role", "ClusterRole") else []:
            verbs = set(rule.get("verbs", []))
            if "*" in [*verbs, *rule.get("apiGroups", []), *rule.get("resources", [])]:
                yield f"{named(one)}: a wildcard"
            if not rule.get("resourceNames") and verbs & CHANGES and rule["resources"] != ["workflowtaskresults"]:
                yield f"{named(one)}: {', '.join(sorted(verbs & CHANGES))} of any of {', '.join(rule['resources'])}"
            if "secrets" in rule.get("resources", []) and (not rule.get("resourceNames") or verbs - {"get"}):
                yield f"{named(one)}: secrets are more than gotten by name"


def network(objects: Sequence[dict]) -> Iterator[str]:
    """All is denied first; each pod has a policy of its own for both ways; nobody has a way to the internet."""
    policies = [one for one in objects if one["kind"] == "NetworkPolicy"]
    both = {"Ingress", "Egress"}
    if not any(_denies_all(policy) for policy in policies):
        yield "NetworkPolicy: none denies everything to everybody"
    for pod in pods(objects):
        reached = [p for p in policies if p["spec"]["podSelector"] and selects(p["spec"]["podSelector"], pod.labels)]
        said = {way for policy in reached for way in policy["spec"]["policyTypes"]}
        if pod.labels and not both <= said:
            yield f"{pod.name}: no policy of its own for {', '.join(sorted(both - said))}"
    for policy in policies:
        for way in policy["spec"].get("egress", []):
            if not way.get("to"):
                yield f"{named(policy)}: a way out to everywhere"
            for peer in way.get("to", []):
                block = peer.get("ipBlock", {}).get("cidr")
                if block and not ipaddress.ip_network(block).is_private:
                    yield f"{named(policy)}: a way out to {block}, which is the internet's"


def _denies_all(policy: dict) -> bool:
    spec = policy["spec"]
    return not spec["podSelector"] and set(spec["policyTypes"]) == {"Ingress", "Egress"} and not (
        spec.get("ingress") or spec.get("egress")
    )  # fmt: skip


def selects(selector: dict, labels: dict) -> bool:
    """Whether a label selector takes an object with these labels."""
    for name, value in selector.get("matchLabels", {}).items():
        if labels.get(name) != value:
            return False
    for said in selector.get("matchExpressions", []):
        value, values = labels.get(said["key"]), said.get("values", [])
        holds = {
            "In": value in values,
            "NotIn": value not in values,
            "Exists": value is not None,
            "DoesNotExist": value is None,
        }
        if not holds[said["operator"]]:
            return False
    return True


def secrets(objects: Sequence[dict]) -> Iterator[str]:
    """Secrets are named, never held."""
    for one in objects:
        if one["kind"] == "Secret" and (one.get("data") or one.get("stringData")):
            yield f"{named(one)}: a Secret's content in a manifest"
        if one["kind"] == "ConfigMap":
            yield from (f"{named(one)}: {key} in a ConfigMap" for key in one.get("data", {}) if HIDDEN.search(key))
    for pod, container in _containers(objects):
        for variable in container.get("env", []):
            if HIDDEN.search(variable["name"]) and "value" in variable:
                yield f"{pod.name}/{container['name']}: {variable['name']} is written out: take it from a Secret"


def kserve(objects: Sequence[dict]) -> Iterator[str]:
    """What KServe's and Knative's webhooks say, or nobody: modes, canaries, sums of weights."""
    for one in objects:
        if one["kind"] == "InferenceService":
            yield from (f"{named(one)}: {fault}" for fault in _of_service(one))
        if one["kind"] == "Service" and one["apiVersion"].startswith("serving.knative.dev"):
            percents = [target.get("percent", 0) for target in one["spec"].get("traffic", [])]
            if percents and sum(percents) != 100:
                yield f"{named(one)}: traffic adds up to {sum(percents)}"
        if one["kind"] == "ServingRuntime" and any(f.get("autoSelect") for f in one["spec"]["supportedModelFormats"]):
            yield f"{named(one)}: autoSelect would take other people's models"


def _of_service(one: dict) -> Iterator[str]:
    mode = one["metadata"].get("annotations", {}).get(MODE)
    predictor, canaries = one["spec"]["predictor"], one["spec"].get("canary", [])
    if mode not in STANDARD + KNATIVE:
        yield f"{MODE} is {mode!r}: always say it, for the default is the cluster's"
    if "canaryTrafficPercent" in predictor and mode in STANDARD:
        yield "canaryTrafficPercent in Standard mode is silently ignored: it would be a full rollout"
    if canaries:
        yield "spec.canary needs KServe over 0.20: two InferenceServices and a route do it in all versions"
    if sum(canary.get("trafficPercent", 0) for canary in canaries) > 100:
        yield "canaries take more than 100%"
    candidate = one["metadata"]["name"].endswith("-candidate")
    autoscales = predictor.get("minReplicas", 1) != predictor.get("maxReplicas", predictor.get("minReplicas", 1))
    if candidate and (autoscales or {"scaleTarget", "scaleMetric", "autoScaling"} & predictor.keys()):
        yield "a candidate that autoscales: its latency would be read at no known size"
    if not predictor.get("serviceAccountName"):
        yield "no serviceAccountName: packages would be read with the default account's keys"


def owned(objects: Sequence[dict]) -> Iterator[str]:
    """What the release step owns is in no overlay: both sides, and all rules of the routes."""
    for one in objects:
        if one["kind"] == "InferenceService" and one["metadata"]["name"] in OURS:
            yield f"{named(one)}: the release step makes it (components/release/standard_router.py)"
        if one["kind"] == "HTTPRoute" and one["spec"].get("rules"):
            yield f"{named(one)}: the release step alone writes rules; an apply would reset its weights"


def runbooks(objects: Sequence[dict]) -> Iterator[str]:
    """Each alert says how bad it is and where to read on."""
    for one in objects:
        groups = one["spec"]["groups"] if one["kind"] == "PrometheusRule" else []
        for rule in (rule for group in groups for rule in group["rules"] if "alert" in rule):
            page = f"docs/operations/runbooks.md#{rule['alert'].lower()}"
            if rule.get("annotations", {}).get("runbook_url") != page or "severity" not in rule.get("labels", {}):
                yield f"{named(one)}: alert {rule['alert']} names no severity or not its page {page}"


def _containers(objects: Sequence[dict]) -> Iterator[tuple[Pod, dict]]:
    yield from ((pod, container) for pod in pods(objects) for container in pod.containers)


def named(one: dict) -> str:
    """An object as a person names it."""
    return f"{one['kind']}/{one['metadata']['name']}"


RULES: tuple[Rule, ...] = (schemas, restricted, images, rights, network, secrets, kserve, owned, runbooks)


def faults(objects: Sequence[dict], production: bool = False) -> list[str]:
    """All faults of all rules; production's images are by digest."""
    return [fault for rule in RULES + ((digests,) if production else ()) for fault in rule(objects)]


def main(arguments: list[str]) -> int:
    """Read manifests, print faults and counts; 1 where there are any."""
    objects = [one for one in yaml.safe_load_all(sys.stdin) if one]
    found = faults(objects, "--production" in arguments)
    for fault in found:
        print(fault)
    print(f"{len(objects)} objects, {len(list(pods(objects)))} pods, {len(RULES)} rules, {len(found)} faults")
    return 1 if found or not objects else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

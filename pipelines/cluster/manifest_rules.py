"""The rules of rendered manifests: `kubectl kustomize ... | python -m pipelines.cluster.manifest_rules`.

Pod Security `restricted`, least rights, no way out that nobody needs, secrets by reference alone, and what KServe's
schema does not say. Each rule is a function of all objects that yields its faults.
"""

import re
import sys
from collections.abc import Callable, Iterator, Sequence

import yaml

from pipelines.cluster.enum_rules import check_enums
from pipelines.cluster.kserve_rules import check_kserve
from pipelines.cluster.kubernetes_schemas import find_schema_fault
from pipelines.cluster.manifest_pods import full_name, pod_containers, pods
from pipelines.cluster.network_rules import check_network
from pipelines.cluster.pod_rules import check_image_digests, check_image_tags, check_pod_security

BUILT_IN = re.compile(r"v1|[a-z]+/v\d+|[a-z.]+\.k8s\.io/v\d+")
RELEASE_SERVICES = ("relevance", "relevance-stable", "relevance-candidate")
RELEASE_ROUTES = ("relevance", "relevance-edge")
CHANGING_VERBS = {"update", "patch", "delete", "deletecollection"}
UNNAMED_RESOURCES = (["workflowtaskresults"], ["trainjobs"])  # their names are made by a run
SECRET_NAME = re.compile(r"(PASSWORD|SECRET|TOKEN|ACCESS_KEY|API_KEY|CREDENTIAL)")
LINKS = "broadfast-links"  # the ConfigMap that says where the runbooks are read
LINK_REMEDY = (
    "repeat the replacement of components/monitoring/kustomization.yaml in the overlay that patches the address"
)
Rule = Callable[[Sequence[dict]], Iterator[str]]


def check_schemas(objects: Sequence[dict]) -> Iterator[str]:
    """Find unknown fields and wrong types of built-in kinds."""
    for manifest in objects:
        version = manifest["apiVersion"]
        if not BUILT_IN.fullmatch(version) or version.startswith("gateway."):  # these need their CRDs
            continue
        if fault := find_schema_fault(manifest):
            yield f"{full_name(manifest)}: {fault}"


def check_rights(objects: Sequence[dict]) -> Iterator[str]:
    """Find wildcards, rights over a whole cluster, and changes of objects that are not named."""
    for manifest in objects:
        if manifest["kind"] in ("ClusterRole", "ClusterRoleBinding"):
            yield f"{full_name(manifest)}: nothing here needs a right over the whole cluster"
        for rule in manifest.get("rules", []) if manifest["kind"] in ("Role", "ClusterRole") else []:
            yield from (f"{full_name(manifest)}: {fault}" for fault in _rights_faults(rule))


def check_secrets(objects: Sequence[dict]) -> Iterator[str]:
    """Demand that secrets are named, never held."""
    for manifest in objects:
        if manifest["kind"] == "Secret" and (manifest.get("data") or manifest.get("stringData")):
            yield f"{full_name(manifest)}: a Secret's content in a manifest"
        if manifest["kind"] == "ConfigMap":
            secret_keys = [key for key in manifest.get("data", {}) if SECRET_NAME.search(key)]
            yield from (f"{full_name(manifest)}: {key} in a ConfigMap" for key in secret_keys)
    for pod, container in pod_containers(objects):
        for variable in container.get("env", []):
            if SECRET_NAME.search(variable["name"]) and "value" in variable:
                yield f"{pod.name}/{container['name']}: {variable['name']} is written out: take it from a Secret"


def check_release_ownership(objects: Sequence[dict]) -> Iterator[str]:
    """Demand that no overlay has what the release owns: services, and its routes' rules."""
    for manifest in objects:
        if manifest["kind"] == "InferenceService" and manifest["metadata"]["name"] in RELEASE_SERVICES:
            yield f"{full_name(manifest)}: release-control makes it (components/release/standard_router.py)"
        is_release_route = manifest["kind"] == "HTTPRoute" and manifest["metadata"]["name"] in RELEASE_ROUTES
        if is_release_route and manifest["spec"].get("rules"):
            yield f"{full_name(manifest)}: release-control alone writes rules; an apply would reset its weights"


def check_runbooks(objects: Sequence[dict]) -> Iterator[str]:
    """Demand of each alert a severity, and the absolute address of its runbook."""
    address = runbooks_address(objects)
    for manifest in objects:
        groups = manifest["spec"]["groups"] if manifest["kind"] == "PrometheusRule" else []
        for rule in (rule for group in groups for rule in group["rules"] if "alert" in rule):
            if "severity" not in rule.get("labels", {}):
                yield f"{full_name(manifest)}: alert {rule['alert']} names no severity"
            link = f"{address}#{rule['alert'].lower()}"
            if rule.get("annotations", {}).get("runbook_url") != link:
                yield f"{full_name(manifest)}: alert {rule['alert']} does not link to {link}: {LINK_REMEDY}"
    if address and not address.startswith(("https://", "http://")):
        yield f"ConfigMap/{LINKS}: runbooks is {address!r}: give an absolute URL, as https://host/runbooks.md"


def runbooks_address(objects: Sequence[dict]) -> str:
    """Return where runbooks are read, '' of an overlay without alerts."""
    for manifest in objects:
        if (manifest["kind"], manifest["metadata"]["name"]) == ("ConfigMap", LINKS):
            return manifest["data"]["runbooks"]
    return ""


def _rights_faults(rule: dict) -> Iterator[str]:
    verbs = set(rule.get("verbs", []))
    resources = rule.get("resources", [])
    is_unnamed = not rule.get("resourceNames")
    if "*" in [*verbs, *rule.get("apiGroups", []), *resources]:
        yield "a wildcard"
    if is_unnamed and verbs & CHANGING_VERBS and resources not in UNNAMED_RESOURCES:
        yield f"{', '.join(sorted(verbs & CHANGING_VERBS))} of any of {', '.join(resources)}"
    if "secrets" in resources and (is_unnamed or verbs - {"get"}):
        yield "secrets are more than gotten by name"


RULES: tuple[Rule, ...] = (
    check_schemas,
    check_enums,
    check_pod_security,
    check_image_tags,
    check_rights,
    check_network,
    check_secrets,
    check_kserve,
    check_release_ownership,
    check_runbooks,
)


def find_faults(objects: Sequence[dict], is_production: bool = False) -> list[str]:
    """Return all faults of all rules. Production's images must have digests."""
    rules = RULES + ((check_image_digests,) if is_production else ())
    return [fault for rule in rules for fault in rule(objects)]


def main(arguments: list[str]) -> int:
    """Read manifests, print faults and counts, and return 1 where there are any."""
    objects = [manifest for manifest in yaml.safe_load_all(sys.stdin) if manifest]
    faults = find_faults(objects, "--production" in arguments)
    for fault in faults:
        print(fault)
    print(f"{len(objects)} objects, {len(list(pods(objects)))} pods, {len(RULES)} rules, {len(faults)} faults")
    return 1 if faults or not objects else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

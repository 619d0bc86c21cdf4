"""Rules of pods: Pod Security `restricted`, resources that are stated, images that stay the same."""

import re
from collections.abc import Iterator, Sequence

from pipelines.cluster.manifest_pods import Pod, pod_containers, pods

VOLUMES = {
    "configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret", "image",
}  # fmt: skip
DIGEST = re.compile(r"@sha256:[0-9a-f]{64}$")


def check_pod_security(objects: Sequence[dict]) -> Iterator[str]:
    """Demand the Pod Security level `restricted`, a read-only root and stated resources."""
    for pod in pods(objects):
        yield from (f"{pod.name}: {fault}" for fault in _pod_faults(pod))
        for container in pod.containers:
            yield from (f"{pod.name}/{container['name']}: {fault}" for fault in _security_faults(pod, container))
            yield from (f"{pod.name}/{container['name']}: {fault}" for fault in _resource_faults(container))


def check_image_tags(objects: Sequence[dict]) -> Iterator[str]:
    """Demand of every image a tag that stays, or a digest."""
    for pod, container in pod_containers(objects):
        name = container["image"].rpartition("/")[2]
        if "@" not in name and (":" not in name or name.endswith(":latest")):
            yield f"{pod.name}/{container['name']}: image {container['image']} has no tag that stays"


def check_image_digests(objects: Sequence[dict]) -> Iterator[str]:
    """Demand a digest of every image. Production alone is held to it."""
    for pod, container in pod_containers(objects):
        if not DIGEST.search(container["image"]):
            yield f"{pod.name}/{container['name']}: image {container['image']} is by tag: run `make pin`"


def _pod_faults(pod: Pod) -> Iterator[str]:
    for field in ("hostNetwork", "hostPID", "hostIPC"):
        if pod.spec.get(field):
            yield f"{field} is set"
    for volume in pod.spec.get("volumes", []):
        if kinds := volume.keys() - {"name"} - VOLUMES:
            yield f"volume {volume['name']} is a {', '.join(kinds)}"
    if pod.spec.get("automountServiceAccountToken") is not False and not pod.needs_token:
        yield "automountServiceAccountToken is not false, and nothing here asks the API server"


def _security_faults(pod: Pod, container: dict) -> Iterator[str]:
    context = pod.security | container.get("securityContext", {})
    if context.get("runAsNonRoot") is not True or context.get("runAsUser", 1) == 0:
        yield "runAsNonRoot is not true"
    if context.get("allowPrivilegeEscalation") is not False or context.get("privileged"):
        yield "allowPrivilegeEscalation is not false"
    capabilities = context.get("capabilities", {})
    if capabilities.get("drop") != ["ALL"] or set(capabilities.get("add", [])) - {"NET_BIND_SERVICE"}:
        yield "capabilities are not all dropped"
    if context.get("seccompProfile", {}).get("type") not in ("RuntimeDefault", "Localhost"):
        yield "seccompProfile is neither RuntimeDefault nor Localhost"
    if context.get("readOnlyRootFilesystem") is not True:
        yield "readOnlyRootFilesystem is not true"


def _resource_faults(container: dict) -> Iterator[str]:
    for port in container.get("ports", []):
        if port.get("hostPort"):
            yield f"hostPort {port['hostPort']}"
    resources = container.get("resources", {})
    if not {"cpu", "memory"} <= resources.get("requests", {}).keys() or "memory" not in resources.get("limits", {}):
        yield "no requests of cpu and memory, or no limit of memory"

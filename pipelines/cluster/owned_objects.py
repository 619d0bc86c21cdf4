"""What an overlay put into a cluster: objects of a namespace that carry our label and our field manager.

Neither is enough alone: the release's objects carry the label, and other people may apply with our manager elsewhere.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from pipelines.cluster.kubectl import MANAGER, list_objects, run_kubectl

SELECTOR = "app.kubernetes.io/part-of=broadfast"
KINDS = {  # of all overlays and components, in the order in which they are deleted
    "Deployment": "deployments.apps",
    "StatefulSet": "statefulsets.apps",
    "BackendTrafficPolicy": "backendtrafficpolicies.gateway.envoyproxy.io",
    "HTTPRoute": "httproutes.gateway.networking.k8s.io",
    "Gateway": "gateways.gateway.networking.k8s.io",
    "PodMonitor": "podmonitors.monitoring.coreos.com",
    "ServiceMonitor": "servicemonitors.monitoring.coreos.com",
    "PrometheusRule": "prometheusrules.monitoring.coreos.com",
    "TrainingRuntime": "trainingruntimes.trainer.kubeflow.org",
    "ServingRuntime": "servingruntimes.serving.kserve.io",
    "FeatureStore": "featurestores.feast.dev",  # of an earlier release
    "PodDisruptionBudget": "poddisruptionbudgets.policy",
    "Service": "services",
    "ConfigMap": "configmaps",
    "NetworkPolicy": "networkpolicies.networking.k8s.io",
    "RoleBinding": "rolebindings.rbac.authorization.k8s.io",
    "Role": "roles.rbac.authorization.k8s.io",
    "ServiceAccount": "serviceaccounts",
}


@dataclass(frozen=True, order=True)
class ObjectName:
    """An object of the platform's namespace."""

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"


def name_object(manifest: dict) -> ObjectName:
    """Return the name of a manifest's object."""
    return ObjectName(manifest["kind"], manifest["metadata"]["name"])


def list_owned(namespace: str, selector: str = SELECTOR) -> list[ObjectName]:
    """Return the objects that an overlay applied, in the order in which they are deleted."""
    names = []
    for kind, resource in KINDS.items():
        for manifest in list_objects(resource, namespace, selector):
            managers = {entry.get("manager") for entry in manifest["metadata"].get("managedFields", [])}
            if MANAGER in managers:
                names.append(ObjectName(kind, manifest["metadata"]["name"]))
    return names


def find_leftovers(namespace: str, manifests: Iterable[dict]) -> list[ObjectName]:
    """Return what an earlier overlay applied and these manifests do not have."""
    names = {name_object(manifest) for manifest in manifests}
    return [name for name in list_owned(namespace) if name not in names]


def delete_objects(namespace: str, names: Iterable[ObjectName]) -> None:
    """Delete objects one by one.

    Those that are gone already are no fault.
    """
    for name in names:
        run_kubectl("delete", KINDS[name.kind], name.name, "-n", namespace, "--ignore-not-found")

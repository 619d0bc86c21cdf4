"""Objects of one namespace, read and applied as a field manager of one's own."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache

from kubernetes import client, config
from kubernetes.client.exceptions import ApiException
from kubernetes.dynamic import DynamicClient, Resource
from tenacity import retry, retry_if_exception, stop_after_attempt, wait_exponential
from urllib3.exceptions import HTTPError

TRANSIENT_STATUSES = (409, 429, 500, 502, 503, 504)
KINDS = {  # kind: group, version, plural
    "InferenceService": ("serving.kserve.io", "v1beta1", "inferenceservices"),
    "TrainJob": ("trainer.kubeflow.org", "v1alpha1", "trainjobs"),
    "HTTPRoute": ("gateway.networking.k8s.io", "v1", "httproutes"),
    "Gateway": ("gateway.networking.k8s.io", "v1", "gateways"),
    "Deployment": ("apps", "v1", "deployments"),
    "Revision": ("serving.knative.dev", "v1", "revisions"),
}


def _is_transient(error: BaseException) -> bool:
    return isinstance(error, ApiException) and error.status in TRANSIENT_STATUSES


retry_transient = retry(
    retry=retry_if_exception(_is_transient), stop=stop_after_attempt(5), wait=wait_exponential(0.1, max=3), reraise=True
)


@cache
def connect() -> client.ApiClient:
    """Connect to the API server of the pod's service account, or else of the kubeconfig.

    Raises:
        ValueError: there is neither.
    """
    try:
        config.load_config()
    except config.ConfigException as error:
        raise ValueError(
            f"no Kubernetes to speak to: neither a pod's service account nor a kubeconfig ({error})"
        ) from None
    return client.ApiClient()


@dataclass(frozen=True)
class KubernetesApi:
    """Reads, applies and deletes what one owner has in a namespace."""

    namespace: str
    api: client.ApiClient
    owner: str = "broadfast-release"  # the field manager, and the service account that may
    timeout_s: float = 10.0
    dynamic: DynamicClient = field(init=False)

    def __post_init__(self):
        without_discovery = DynamicClient(self.api, discoverer=lambda client, cache_file: None)
        object.__setattr__(self, "dynamic", without_discovery)

    def get(self, kind: str, name: str, namespace: str = "") -> dict | None:
        """Read an object, or return None if it does not exist.

        Raises:
            PermissionError: the service account may not.
            ConnectionError: the API server refuses it otherwise, or does not answer.
        """
        namespace = namespace or self.namespace
        return self._request(f"get {kind} {namespace}/{name}", self._resource(kind).get, name, namespace)

    def apply(self, kind: str, name: str, body: dict) -> dict:
        """Apply the fields of `body`, which become the owner's, whoever held them before.

        Raises:
            PermissionError, ConnectionError: as `get`; also where the namespace or the kind is missing.
        """
        group, version, _ = KINDS[kind]
        metadata = {"name": name, "namespace": self.namespace} | body.get("metadata", {})
        document = {"apiVersion": f"{group}/{version}", "kind": kind} | body | {"metadata": metadata}

        def server_side_apply(**options) -> dict:
            return self._resource(kind).server_side_apply(
                body=document, field_manager=self.owner, force_conflicts=True, **options
            )

        reply = self._request(f"apply {kind} {self.namespace}/{name}", server_side_apply, name, self.namespace)
        if reply is None:
            raise ConnectionError(
                f"the API server knows no {kind} in the namespace {self.namespace}: is its CRD installed, "
                "and has `make deploy-platform` been run?"
            )
        return reply

    def delete(self, kind: str, name: str) -> None:
        """Delete an object, unless it is gone already."""
        self._request(f"delete {kind} {self.namespace}/{name}", self._resource(kind).delete, name, self.namespace)

    def _resource(self, kind: str) -> Resource:
        group, version, plural = KINDS[kind]
        return Resource(
            prefix="apis",
            group=group,
            api_version=version,
            kind=kind,
            namespaced=True,
            name=plural,
            client=self.dynamic,
        )

    def _request(self, action: str, send: Callable, name: str, namespace: str) -> dict | None:
        """Send a request with retries, and return None for a 404."""
        options = {"name": name, "namespace": namespace, "_request_timeout": self.timeout_s}
        try:
            return retry_transient(send)(**options, serializer=lambda _, document: document)
        except ApiException as error:
            if error.status == 404:
                return None
            if error.status in (401, 403) and not _is_webhook_refusal(error):
                raise PermissionError(
                    f"the API server forbids to {action}: {_message(error)}; "
                    f"does this run use the service account {self.owner}?"
                ) from None
            raise ConnectionError(f"the API server does not {action}: {error.status} {_message(error)}") from None
        except HTTPError as error:
            raise ConnectionError(f"no Kubernetes API server answers, so this cannot {action}: {error}") from None


def _is_webhook_refusal(error: ApiException) -> bool:
    """Return true where an admission webhook refused the object, which is no matter of rights."""
    return _message(error).startswith("admission webhook ")


def _message(error: ApiException) -> str:
    """Return the sentence in the Status object of an error."""
    try:
        return json.loads(error.body)["message"]
    except (TypeError, ValueError, KeyError):
        return str(error.reason)

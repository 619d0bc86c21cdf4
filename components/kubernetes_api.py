"""Custom resources of one namespace, read and applied as a field manager of one's own."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

from kubernetes import client, config
from kubernetes.client.exceptions import ApiException
from tenacity import retry, retry_if_exception, stop_after_attempt, wait_exponential
from urllib3.exceptions import HTTPError

PASSING = (409, 429, 500, 502, 503, 504)  # answers that another try may change
GROUPS = {  # kind: group, version, plural
    "InferenceService": ("serving.kserve.io", "v1beta1", "inferenceservices"),
    "TrainJob": ("trainer.kubeflow.org", "v1alpha1", "trainjobs"),
    "HTTPRoute": ("gateway.networking.k8s.io", "v1", "httproutes"),
}


def _may_pass(error: BaseException) -> bool:
    return isinstance(error, ApiException) and error.status in PASSING


trying = retry(
    retry=retry_if_exception(_may_pass), stop=stop_after_attempt(5), wait=wait_exponential(0.1, max=3), reraise=True
)


@cache
def connect() -> client.ApiClient:
    """The API server that the pod's service account speaks to; outside of a cluster, the kubeconfig's.

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

    def get(self, kind: str, name: str) -> dict | None:
        """An object as it stands; None where there is none.

        Raises:
            PermissionError: the service account may not.
            ConnectionError: the API server refuses it otherwise, or does not answer.
        """
        return self._asked("get", "GET", kind, name)

    def apply(self, kind: str, name: str, body: dict) -> dict:
        """Server-side apply: the fields of `body` become the owner's, whoever held them before.

        Raises:
            PermissionError, ConnectionError: as `get`; also where the namespace or the kind is not there.
        """
        group, version, _ = GROUPS[kind]
        metadata = {"name": name, "namespace": self.namespace} | body.get("metadata", {})
        whole = {"apiVersion": f"{group}/{version}", "kind": kind} | body | {"metadata": metadata}
        options = {"fieldManager": self.owner, "force": "true"}
        applied = self._asked("apply", "PATCH", kind, name, options, whole)
        if applied is None:
            raise ConnectionError(
                f"the API server knows no {kind} in the namespace {self.namespace}: is its CRD installed, "
                "and has `make deploy-platform` been run?"
            )
        return applied

    def delete(self, kind: str, name: str) -> None:
        """Delete an object, unless it is gone already."""
        self._asked("delete", "DELETE", kind, name)

    @trying
    def _call(self, method: str, kind: str, name: str, options: Mapping, body: dict | None) -> dict:
        group, version, plural = GROUPS[kind]
        return self.api.call_api(  # the generated client of custom objects cannot say a content type in kubernetes 30
            f"/apis/{group}/{version}/namespaces/{self.namespace}/{plural}/{name}",
            method,
            query_params=list(options.items()),
            header_params={"Accept": "application/json", "Content-Type": "application/apply-patch+yaml"},
            body=body,
            response_type="object",
            auth_settings=["BearerToken"],
            _return_http_data_only=True,
            _request_timeout=self.timeout_s,
        )

    def _asked(
        self,
        verb: str,
        method: str,
        kind: str,
        name: str,
        options: Mapping = MappingProxyType({}),
        body: dict | None = None,
    ) -> dict | None:
        what = f"{verb} {kind} {self.namespace}/{name}"
        try:
            return self._call(method, kind, name, options, body)
        except ApiException as error:
            if error.status == 404:
                return None
            if error.status in (401, 403) and not _is_webhook_refusal(error):
                raise PermissionError(
                    f"the API server forbids to {what}: {_said(error)}; "
                    f"does this run use the service account {self.owner}?"
                ) from None
            raise ConnectionError(f"the API server does not {what}: {error.status} {_said(error)}") from None
        except HTTPError as error:
            raise ConnectionError(f"no Kubernetes API server answers, so this cannot {what}: {error}") from None


def _is_webhook_refusal(error: ApiException) -> bool:
    """Return true where an admission webhook refused the object, which is no matter of rights."""
    return _said(error).startswith("admission webhook ")


def _said(error: ApiException) -> str:
    """The Status object's own sentence."""
    try:
        return json.loads(error.body)["message"]
    except (TypeError, ValueError, KeyError):
        return str(error.reason)

"""A release on a real cluster: what a request would meet is sampled from routes and pods all the time."""

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from kubernetes import client

from components.json_path import read_path
from components.kubernetes_api import KubernetesApi
from components.release.kserve import CANDIDATE, STABLE, VERSION, KServe, Replicas
from components.waiting import wait_until
from testing.in_process_api import Calls
from testing.release_world import ReleaseRun

NAME_OF_SERVICE = "serving.kserve.io/inferenceservice"  # labels that KServe and Knative give pods
NAME_OF_REVISION = "serving.knative.dev/revision"
INGRESS = "/apis/networking.internal.knative.dev/v1alpha1"
ROUTES = "/apis/gateway.networking.k8s.io/v1"
SAMPLE_PAUSE_S = 0.05


@dataclass(frozen=True)
class CountedApi:
    """A real API server's client, whose user may be killed before any of its calls."""

    server: KubernetesApi
    calls: Calls

    @property
    def namespace(self) -> str:
        """Return the namespace."""
        return self.server.namespace

    def get(self, kind: str, name: str, namespace: str = "") -> dict | None:
        """Read an object."""
        self.calls.ask_server()
        return self.server.get(kind, name, namespace)

    def apply(self, kind: str, name: str, body: dict) -> dict:
        """Apply the fields of an object."""
        self.calls.ask_server()
        return self.server.apply(kind, name, body)

    def delete(self, kind: str, name: str) -> None:
        """Delete an object."""
        self.calls.ask_server()
        self.server.delete(kind, name)


@dataclass(frozen=True)
class Sampler:
    """Reads what a request without an arm meets: the weights of the route, and the versions of ready pods."""

    api: client.ApiClient
    namespace: str
    mode: str

    def sample(self) -> dict[str, float] | None:
        """Return the share of each version, "" for an error, or None where the route moved meanwhile."""
        weights, revision = self._weights()
        pods = self._pods_by_backend()
        if revision != self._weights()[1]:
            return None
        shares: Counter = Counter()
        total = sum(weights.values())
        for backend, weight in weights.items():
            versions = pods.get(backend) or {"": 1}
            for version, count in versions.items():
                shares[version] += weight / total * count / sum(versions.values())
        return {version: share for version, share in shares.items() if share} or {"": 1.0}

    def versions(self, backend: str) -> set[str]:
        """Return the versions of a backend's ready pods."""
        return set(self._pods_by_backend().get(backend, ()))

    def tagged(self, tag: str) -> str:
        """Return the revision that Knative's header of tags leads to, "" for none."""
        for path in self._ingress_paths():
            header = read_path(path, "headers", "Knative-Serving-Tag", "exact")
            if header == tag:
                return path["splits"][0]["serviceName"]
        return ""

    def _weights(self) -> tuple[dict[str, int], str]:
        if self.mode == "knative":
            weights: Counter = Counter()
            paths = [path for path in self._ingress_paths() if not path.get("headers")]
            for split in paths[0]["splits"] if paths else []:
                weights[split["serviceName"]] += split["percent"]
            return {name: weight for name, weight in weights.items() if weight}, json.dumps(weights)
        route = self.read(f"{ROUTES}/namespaces/{self.namespace}/httproutes/relevance")
        rules = [rule for rule in read_path(route, "spec", "rules") or [] if rule.get("backendRefs")]
        backends = rules[-1]["backendRefs"] if rules else []
        weights = {entry["name"].removesuffix("-predictor"): entry.get("weight", 1) for entry in backends}
        return {name: weight for name, weight in weights.items() if weight}, json.dumps(weights)

    def _ingress_paths(self) -> list[dict]:
        ingress = self.read(f"{INGRESS}/namespaces/{self.namespace}/ingresses/relevance-predictor")
        rules = read_path(ingress, "spec", "rules") or []
        return read_path(rules[0], "http", "paths") or [] if rules else []

    def _pods_by_backend(self) -> dict[str, Counter]:
        label = NAME_OF_REVISION if self.mode == "knative" else NAME_OF_SERVICE
        found: dict[str, Counter] = {}
        for pod in self.read(f"/api/v1/namespaces/{self.namespace}/pods")["items"]:
            labels = pod["metadata"].get("labels", {})
            if label in labels and _is_ready(pod):
                found.setdefault(labels[label], Counter())[labels.get(VERSION, "?")] += 1
        return found

    def read(self, path: str) -> dict:
        """Return what the API server has at a path, no items where there is nothing."""
        try:
            response, *_ = self.api.call_api(
                path, "GET", auth_settings=["BearerToken"], _preload_content=False, _request_timeout=10
            )
        except client.ApiException as error:
            if error.status == 404:
                return {"items": []}
            raise
        return json.loads(response.data)


def _is_ready(pod: Mapping) -> bool:
    conditions = read_path(pod, "status", "conditions") or []
    is_ready = any(entry["type"] == "Ready" and entry["status"] == "True" for entry in conditions)
    return is_ready and "deletionTimestamp" not in pod["metadata"]


class RealRelease(ReleaseRun):
    """A release on a real cluster; a thread samples what requests meet, and holds it to the state."""

    pause_s = 0.2

    def __init__(self, mode: str, server: KubernetesApi, rollout_s: float):
        calls = Calls()
        self.api = CountedApi(server, calls)
        self.sampler = Sampler(server.api, server.namespace, mode)
        self.samples = 0
        kserve = KServe(self.api, "s3://broadfast/packages", Replicas(1, 1, 1), rollout_s, rollout_s, 0.2)
        super().__init__(mode, kserve, calls)

    def break_version(self, version: str) -> None:
        """Have the pods of a version not be ready any more; fake nodes do not make them ready again."""
        path = f"/api/v1/namespaces/{self.sampler.namespace}/pods"
        for pod in self.sampler.read(path)["items"]:
            if pod["metadata"].get("labels", {}).get(VERSION) == version:
                conditions = [{"type": "Ready", "status": "False"}, {"type": "ContainersReady", "status": "False"}]
                client.CoreV1Api(self.sampler.api).patch_namespaced_pod_status(
                    pod["metadata"]["name"], self.sampler.namespace, {"status": {"conditions": conditions}}
                )

    def clock(self) -> float:
        """Return the seconds that passed."""
        return time.monotonic()

    def wait(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)

    def traffic(self) -> dict[str, float]:
        """Return what a request without an arm meets."""
        return wait_until(self.sampler.sample, lambda sample: sample is not None, 10, 0.05)

    def arm_versions(self, arm: str) -> set[str]:
        """Return the versions that answer a request with an arm."""
        if self.sampler.mode == "knative":
            revision = self.sampler.tagged({"treatment": "latest", "control": "prev"}[arm])
            return self.sampler.versions(revision) if revision else set(self.traffic())
        route = self.api.server.get("HTTPRoute", "relevance")
        name = route["spec"]["rules"][arm == "control"]["backendRefs"][0]["name"]
        return self.sampler.versions(name.removesuffix("-predictor"))

    def watch(self, stop: threading.Event) -> None:
        """Sample until the stop: a version may have what the state allowed before the sample or after it."""
        while not stop.wait(SAMPLE_PAUSE_S):
            before = self._allowances()
            traffic = self.sampler.sample()
            after = self._allowances()
            self.samples += traffic is not None
            for version, share in (traffic or {}).items():
                if share > max(before(version), after(version)) + 1e-9:
                    self.violations.append((version, share, self.state.intent, self.state.traffic_percent))

    def _allowances(self):
        state, is_served = self.state, self.is_served
        return lambda version: self.allowed_share(version, state, is_served)


def delete_services(api: KubernetesApi, sampler: Sampler) -> None:
    """Delete what serves, and wait until none of its pods is left."""
    for name in (STABLE, CANDIDATE, "relevance"):
        api.delete("InferenceService", name)
    left = wait_until(lambda: list(_service_pods(sampler)), lambda names: not names, 60, 0.5)
    assert not left, f"pods are left: {left}"


def _service_pods(sampler: Sampler) -> Iterator[str]:
    for pod in sampler.read(f"/api/v1/namespaces/{sampler.namespace}/pods")["items"]:
        if NAME_OF_SERVICE in pod["metadata"].get("labels", {}):
            yield pod["metadata"]["name"]

"""TrainJobs of both worlds: the pods that Trainer makes of them, and their end, which no container brings about."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml
from kubernetes import client

from components.kubernetes_api import KubernetesApi
from components.waiting import wait_until
from testing.kubernetes_server import Cluster
from testing.trainer_double import training_pods
from tests.cluster.world import World

JOBSET = "jobset.sigs.k8s.io/jobset-name"
POOL = "/spec/template/spec/replicatedJobs/0/template/spec/template/spec/nodeSelector"
CONDITIONS = {"Succeeded": "Complete", "Failed": "Failed"}  # of a job, by the phase of its pods
PODS_S = 60.0


class PretendedTrainings:
    """Trainer as our double plays it."""

    def __init__(self, state: Cluster, api: KubernetesApi):
        self.state = state
        self.api = api
        self.phase = ""
        self.phases = {}  # of the pods of each job
        state.jobs = self._status

    def pods(self, name: str) -> list[dict]:
        """Return the pods of a job."""
        job = self.state.objects.get(("trainjobs", name))
        return training_pods(job) if job else []

    @contextmanager
    def ending(self, phase: str) -> Iterator[None]:
        """Let the pods of jobs that run meanwhile end in a phase; "Deleted" has the jobs deleted instead."""
        self.phase = phase
        yield
        self.phase = ""

    def _status(self, job: dict) -> dict:
        name = job["metadata"]["name"]
        if self.phase == "Deleted":
            self.state.objects.pop(("trainjobs", name))
        phase = self.phases.get(name) or self.phase
        if phase not in CONDITIONS:
            return {}
        self.phases[name] = phase
        return {"conditions": [{"type": CONDITIONS[phase], "status": "True", "message": "a pod ended"}]}


class RealTrainings:
    """Trainer of a cluster: its pods are of no node, and end as they are told."""

    def __init__(self, world: World, api: KubernetesApi):
        self.world = world
        self.api = api

    def pods(self, name: str) -> list[dict]:
        """Return the pods of a job, once they are there."""
        job = self.api.get("TrainJob", name)
        count = job["spec"]["trainer"]["numNodes"] if job else 0
        return wait_until(lambda: self._read_pods(f"{JOBSET}={name}"), lambda pods: len(pods) == count, PODS_S, 0.2)

    @contextmanager
    def ending(self, phase: str) -> Iterator[None]:
        """Let the pods of jobs that run meanwhile end in a phase; "Deleted" has the jobs deleted instead."""
        stop = threading.Event()
        thread = threading.Thread(target=self._end_pods, args=(phase, stop))
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    def _end_pods(self, phase: str, stop: threading.Event) -> None:
        core = client.CoreV1Api(self.api.api)
        while not stop.wait(0.2):
            for pod in self._read_pods(JOBSET):
                if phase == "Deleted":
                    self.api.delete("TrainJob", pod["metadata"]["labels"][JOBSET])
                elif pod["status"].get("phase") == "Pending":
                    body = {"status": {"phase": phase}}
                    core.patch_namespaced_pod_status(pod["metadata"]["name"], self.api.namespace, body)

    def _read_pods(self, selector: str) -> list[dict]:
        words = ("get", "pods", "-n", self.api.namespace, "-l", selector, "-o", "json")
        return json.loads(self.world.run(*words))["items"]


def apply_runtime(world: World, overlays: Path) -> None:
    """Apply the runtime of several machines to the suite's namespace, for a pool that no node is in."""
    folder = overlays / "suite-training"
    folder.mkdir(exist_ok=True)
    pool = [{"op": "replace", "path": POOL, "value": {"broadfast/pool": "of-no-node"}}]
    patches = [{"target": {"kind": "TrainingRuntime"}, "patch": yaml.safe_dump(pool)}]
    document = {"namespace": world.namespace, "components": ["../../components/multi-node"], "patches": patches}
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(document))
    manifests = world.run("kustomize", str(folder))
    world.run("apply", "--server-side", "--field-manager=suite", "-f", "-", stdin=manifests)

"""The cluster of a kubeconfig, in a namespace of the suite's own, and a Kubeflow server beside it."""

import json
import os
import secrets
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from kubernetes import config
from typer.testing import CliRunner

from components.kubernetes_api import KubernetesApi
from components.waiting import wait_until
from pipelines.cluster import apply, kubectl
from pipelines.cluster import secrets as secrets_command
from pipelines.cluster.kubeflow_api import KubeflowApi
from pipelines.cluster.preflight import Address, check_access
from pipelines.cluster.schedule import EXPERIMENT
from testing.release_world import ReleaseRun
from tests.cluster.real_release import RealRelease, delete_services
from tests.cluster.trainings import RealTrainings, apply_runtime
from tests.cluster.world import CRDS, IMAGES, KUBEFLOW, KUBERNETES, PIPELINES, PROFILE, World


class RealWorld(World):
    """The cluster of KUBECONFIG, in a namespace of the suite's own, and the Kubeflow server of HOST."""

    name = "real"
    rollout_s = 120.0

    def __init__(self, host: str, token_file: str, folder: Path):
        self.folder = folder
        self.tally = Counter()
        self.figures = {}
        self.kubectl = Path(kubectl.kubectl_path())
        self.namespace = f"broadfast-suite-{secrets.token_hex(3)}"
        self.host = host
        self.token = Path(token_file).read_text().strip() if token_file else ""

    def versions(self) -> dict[str, str]:
        """Return what is there, by part: Kubernetes' version, and the versions that a kind is served in."""
        version = json.loads(self.run("version", "-o", "json"))["serverVersion"]["gitVersion"]
        found = {KUBERNETES: version} | ({KUBEFLOW: self.host} if self.host else {})
        for part, crd in CRDS.items():
            answer = self.run("get", "crd", crd, "--ignore-not-found", "-o", "json")
            if answer:
                served = [entry["name"] for entry in json.loads(answer)["spec"]["versions"] if entry["served"]]
                found[part] = ", ".join(served)
        return found

    def add_object(self, manifest: dict, manager: str) -> None:
        """Let somebody else apply an object."""
        self.run("apply", "--server-side", f"--field-manager={manager}", "-f", "-", stdin=json.dumps(manifest))

    @contextmanager
    def release_api(self) -> Iterator[tuple[KubernetesApi, object]]:
        """Yield a client of the release, and what withdraws and restores Secrets."""
        self.ensure_platform()
        yield self.connect(), RealSecrets(self)

    @contextmanager
    def trainings(self) -> Iterator[RealTrainings]:
        """Yield Trainer, with the runtime of several machines."""
        self.ensure_platform()
        apply_runtime(self, self.folder / "manifests" / "overlays")
        yield RealTrainings(self, self.connect("broadfast-pipeline"))

    def connect(self, owner: str = "broadfast-release") -> KubernetesApi:
        """Return a client of the suite's namespace."""
        return KubernetesApi(self.namespace, config.new_client_from_config(os.environ["KUBECONFIG"]), owner)

    def ensure_platform(self) -> None:
        """Apply the overlay `demo` with its secrets, where that is not done yet."""
        if self.names("servingruntimes.serving.kserve.io"):
            return
        overlay = self.overlay(self.folder, "demo")
        for app, words in ((secrets_command.app, []), (apply.app, ["--registry", IMAGES, "--tag", "0123abc"])):
            result = CliRunner().invoke(app, [str(overlay), *words], input="\n")
            assert result.exit_code == 0, result.output

    @contextmanager
    def release_run(self, mode: str) -> Iterator[ReleaseRun]:
        """Yield a release in a mode, on nothing that serves yet, with what requests meet sampled."""
        self.ensure_platform()
        run = RealRelease(mode, self.connect(), self.rollout_s)
        delete_services(run.api.server, run.sampler)
        stop = threading.Event()
        watcher = threading.Thread(target=run.watch, args=(stop,))
        watcher.start()
        try:
            yield run
        finally:
            stop.set()
            watcher.join()
        self.tally["samples"] += run.samples

    @contextmanager
    def kubeflow_host(self) -> Iterator[tuple[str, str]]:
        """Yield the address of a Kubeflow server without pipelines of ours, and a token for it.

        What a test deployed is deleted afterwards.
        """
        address = Address(self.host, PROFILE, self.token)
        server = KubeflowApi(address, check_access(address).namespace)
        if any(server.find_pipeline(name) for name in PIPELINES):
            pytest.skip(f"{self.host} has pipelines of ours already: they are left alone")
        yield self.host, self.token
        experiment_id = server.ensure_experiment(EXPERIMENT)
        for name in PIPELINES:
            for run in list(server.list_recurring_runs(experiment_id, name)):
                server.delete_recurring_run(run.recurring_run_id)
            if pipeline_id := server.find_pipeline(name):
                server.pipelines.pipeline_service_delete_pipeline(pipeline_id, cascade=True)

    def begin_run(self, name: str) -> Callable[[], bool]:
        """Wait until a recurring run has begun a run, and return what tells whether that goes on."""
        address = Address(self.host, PROFILE, self.token)
        server = KubeflowApi(address, check_access(address).namespace)
        experiment_id = server.ensure_experiment(EXPERIMENT)
        recurring = next(iter(server.list_recurring_runs(experiment_id, name)))
        run_id = recurring.recurring_run_id

        def goes_on() -> bool:
            workflows = json.loads(self.run("get", "workflows.argoproj.io", "-A", "-o", "json"))["items"]
            owners = [owner["uid"] for item in workflows for owner in item["metadata"].get("ownerReferences", [])]
            return run_id in owners and server.has_unfinished_run(experiment_id, run_id)

        if not wait_until(goes_on, bool, 60, 1):
            pytest.skip(f"no run of {name} began within a minute: is Kubeflow's scheduled workflow controller there?")
        return goes_on

    def close(self) -> None:
        """Delete the suite's namespace."""
        self.run("delete", "namespace", self.namespace, "--ignore-not-found", "--wait=false")


class RealSecrets:
    """Secrets that somebody withdraws: KServe's for packages, the edge's certificate."""

    def __init__(self, world: RealWorld):
        self.world = world
        self.manifests = {}

    def withdraw(self, name: str) -> None:
        """Delete a Secret."""
        if not (text := self.world.run("get", "secret", name, *self._place(), "-o", "json", "--ignore-not-found")):
            return
        secret = json.loads(text)
        self.manifests[name] = {key: secret[key] for key in ("apiVersion", "kind", "type", "data")} | {
            "metadata": {"name": name, "annotations": secret["metadata"].get("annotations", {})}
        }
        self.world.run("delete", "secret", name, *self._place())

    def restore(self, name: str) -> None:
        """Make it as it was, where it is missing."""
        if manifest := self.manifests.pop(name, None):
            self.world.run("apply", *self._place(), "-f", "-", stdin=json.dumps(manifest))

    def _place(self) -> tuple[str, str]:
        return "-n", self.world.namespace

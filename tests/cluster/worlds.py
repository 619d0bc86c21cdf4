"""Two worlds for one suite: pretended servers, or the cluster of a kubeconfig and a Kubeflow server.

A test asks a world for what it needs and never for which one it is. Where the two differ, the pretended one is wrong.
"""

import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from kubernetes import client

from components.kubernetes_api import KubernetesApi
from pipelines.cluster import kubectl
from testing.kubectl_double import Cluster, install
from testing.kubeflow_server import kubeflow
from testing.kubernetes_server import apply_overlay, cluster
from testing.release_world import ReleaseRun, ReleaseWorld
from tests.cluster.real_world import RealWorld
from tests.cluster.trainings import PretendedTrainings
from tests.cluster.world import CERTIFICATE, PARTS, World


class PretendedWorld(World):
    """Servers of our own, which behave as the real ones were seen to."""

    name = "doubles"
    namespace = "broadfast"
    rollout_s = 0.5

    def __init__(self, folder: Path):
        self.kubectl = install(folder, kubectl.kubectl_path())
        self.tally = Counter()
        self.figures = {}

    def versions(self) -> dict[str, str]:
        """Return what is there, by part."""
        return dict.fromkeys(PARTS, "double")

    def add_object(self, manifest: dict, manager: str) -> None:
        """Let somebody else apply an object."""
        pretended = Cluster(self.kubectl.parent)
        pretended.put(manifest, manager)
        pretended.save()

    @contextmanager
    def release_api(self) -> Iterator[tuple[KubernetesApi, object]]:
        """Yield a client of the release, and what withdraws and restores Secrets."""
        with cluster() as (state, api):
            apply_overlay(state)
            state.secrets.add(CERTIFICATE)
            yield KubernetesApi(self.namespace, api), PretendedSecrets(state)

    @contextmanager
    def trainings(self) -> Iterator[PretendedTrainings]:
        """Yield Trainer, with the runtime of several machines."""
        with cluster() as (state, api):
            yield PretendedTrainings(state, KubernetesApi(self.namespace, api, "broadfast-pipeline"))

    @contextmanager
    def release_run(self, mode: str) -> Iterator[ReleaseRun]:
        """Yield a release in a mode."""
        run = ReleaseWorld(mode)
        yield run
        self.tally["samples"] += len(run.api.cluster.record)

    @contextmanager
    def kubeflow_host(self) -> Iterator[tuple[str, str]]:
        """Yield the address of a Kubeflow server, and a token for it."""
        with kubeflow() as (host, state):
            self.kubeflow = state
            yield host, state.token or ""

    def begin_run(self, name: str) -> Callable[[], bool]:
        """Wait until a recurring run has begun a run, and return what tells whether that goes on."""
        recurring = next(run for run in self.kubeflow.recurring.values() if run["display_name"] == name)
        origin = {key: recurring[key] for key in ("recurring_run_id", "experiment_id")}
        run = origin | {"state": "RUNNING", "has_workflow": True}
        self.kubeflow.runs.append(run)
        return lambda: run["has_workflow"]

    def close(self) -> None:
        """Leave nothing behind: the folder is the test's."""


class PretendedSecrets:
    """Secrets that somebody withdraws: KServe's for packages, the edge's certificate."""

    def __init__(self, state):
        self.state = state

    def withdraw(self, name: str) -> None:
        """Let a Secret be missing."""
        self.state.secrets.discard(name)
        self.state.certificate = CERTIFICATE in self.state.secrets

    def restore(self, name: str) -> None:
        """Make it."""
        self.state.secrets.add(name)
        self.state.certificate = CERTIFICATE in self.state.secrets


def open_world(folder: Path) -> World:
    """Return the world that the environment names: doubles, or a cluster by BROADFAST_TEST_KUBECONFIG."""
    path = os.environ.get("BROADFAST_TEST_KUBECONFIG", "")
    if not path:
        return PretendedWorld(folder)
    os.environ["KUBECONFIG"] = path
    client.Configuration.set_default(None)
    return RealWorld(os.environ.get("BROADFAST_TEST_HOST", ""), os.environ.get("BROADFAST_TEST_TOKEN_FILE", ""), folder)

"""The pod release-control as a process: the loop, and a person's commands beside it, on S3 and the API's double."""

import subprocess
import sys

import pytest
import yaml

from components.release import candidate
from components.release_store import read_state
from components.waiting import wait_until
from testing import servers
from testing.kubernetes_server import apply_overlay, cluster
from tests.components.release.test_canary import release_verdict

pytestmark = pytest.mark.slow
COMMAND = [sys.executable, "-m", "components.release.control"]
BY = ["--by", "ada", "--reason", "before the sale"]


def write_kubeconfig(path, url):
    names = {"cluster": "double", "user": "nobody"}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "double", "cluster": {"server": url}}],
        "users": [{"name": "nobody", "user": {}}],
        "contexts": [{"name": "double", "context": names}],
        "current-context": "double",
    }
    path.write_text(yaml.safe_dump(config))


@pytest.fixture
def release_control(s3, package, tmp_path):
    """Run the loop, and yield the cluster and the version of the candidate that waits for traffic."""
    candidate.register_baseline(package("old"))
    version = candidate.start_canary(package("new"), release_verdict(package("new"))).version
    with cluster() as (state, api), servers.model_server(version) as server:
        apply_overlay(state)
        write_kubeconfig(tmp_path / "kubeconfig", api.configuration.host)
        variables = {
            "KUBECONFIG": str(tmp_path / "kubeconfig"),
            "BROADFAST_ROUTER": "standard",
            "BROADFAST_GATEWAY_URL": f"http://127.0.0.1:{server.server_port}",
        }
        with servers.environment(**variables):
            loop = subprocess.Popen([*COMMAND, "reconcile"])
            yield state, version
            loop.terminate()
            assert loop.wait(20) == 0


def test_a_canary_reaches_the_weights(release_control):
    state, version = release_control
    result = subprocess.run([*COMMAND, "canary", version, "5", *BY], capture_output=True, text=True, check=True)
    assert "traffic          5% of requests" in result.stdout and "decided: ramp  before the sale" in result.stdout
    backends = state.objects[("httproutes", "relevance")]["spec"]["rules"][-1]["backendRefs"]
    assert [backend["weight"] for backend in backends] == [95, 5]


def test_a_candidate_without_pods_is_taken_out(release_control):
    state, version = release_control
    subprocess.run([*COMMAND, "canary", version, "5", *BY], capture_output=True, check=True)
    state.unready.add(version)
    final = wait_until(read_state, lambda state: not state.traffic_percent, timeout_s=30)
    assert final.experiment.status == "rolled back" and final.candidate is None

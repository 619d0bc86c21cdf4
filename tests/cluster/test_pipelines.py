"""Both pipelines on a Kubeflow server: deployed, deployed again, with another sha, time and profile."""

import os

import pytest
from typer.testing import CliRunner

from pipelines.cluster.deploy import app
from testing.servers import environment

pytestmark = pytest.mark.needs("Kubeflow Pipelines")
NAMESPACE = os.environ.get("BROADFAST_TEST_PROFILE", "broadfast")


@pytest.fixture
def deploy(world, tmp_path):
    """Return a function that deploys to the world's server."""
    token = tmp_path / "token"
    with world.kubeflow_host() as (host, text), environment(BROADFAST_REGISTRY="registry.internal/suite"):
        token.write_text(text)
        access = ["--token-file", str(token)] if text else []

        def run(version, *words):
            options = ["--host", host, "--namespace", NAMESPACE, "--version", version, "--out", str(tmp_path), *access]
            result = CliRunner().invoke(app, ["deploy", *options, *words])
            assert result.exit_code == 0, result.output
            return " ".join(result.output.split())

        yield run


def test_deploying_again_has_nothing_to_do(deploy):
    assert "recurring run broadfast-retrain enabled" in deploy("suite1", "--profile", "cluster-demo")
    assert deploy("suite1", "--profile", "cluster-demo").count("nothing to do") == 2


def test_a_new_sha_replaces_both_runs(deploy):
    deploy("suite1", "--profile", "cluster-demo")
    output = deploy("suite2", "--profile", "cluster-demo")
    assert output.count("old recurring run") == 2 and "version suite2-cluster-demo" in output


def test_another_time_replaces_one_run(deploy):
    deploy("suite1", "--profile", "cluster-demo")
    output = deploy("suite1", "--profile", "cluster-demo", "--cron", "0 30 3 * * *")
    assert output.count("old recurring run") == 1 and output.count("nothing to do") == 1


def test_other_models_need_no_new_version(deploy):
    deploy("suite1", "--profile", "cluster-demo")
    output = deploy("suite1", "--profile", "cluster-demo", "--base-model", "s3:///models/ours")
    assert "uploaded" not in output and "recurring run broadfast-retrain created" in output

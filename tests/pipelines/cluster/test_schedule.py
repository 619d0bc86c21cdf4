"""A pipeline and its recurring run on Kubeflow servers of both kinds: deployed again, changed, killed anywhere."""

import itertools

import pytest

from pipelines.cluster.kubeflow_api import KubeflowApi
from pipelines.cluster.preflight import Address, check_access
from pipelines.cluster.schedule import Deployment, Schedule
from testing.kubeflow_server import kubeflow

pytestmark = pytest.mark.slow  # starts a server

NAME = "broadfast-retrain"
KINDS = pytest.mark.parametrize("is_multi_user", [True, False], ids=["multi-user", "single-user"])
FIRST = [
    f"pipeline {NAME} created",
    f"version a1 of {NAME} uploaded",
    f"recurring run {NAME} created",
    f"recurring run {NAME} enabled",
]


@pytest.fixture
def deploy(tmp_path):
    """Deploy a schedule with a tiny pipeline; return the sentences and the deployment."""
    package = tmp_path / "pipeline.yaml"
    package.write_text("schemaVersion: 2.1.0\n")

    def run(host, **changes):
        fields = {"version": "a1", "cron": "0 0 2 * * *", "parameters": {"pairs": 8}, "service_account": "steps"}
        address = Address(host, "broadfast")
        server = KubeflowApi(address, check_access(address).namespace)
        deployment = Deployment(server, Schedule(name=NAME, write_package=lambda: package, **(fields | changes)))
        return list(deployment.run()), deployment

    return run


def assert_deployed(state, version, cron="0 0 2 * * *"):
    """Check that exactly one recurring run is left, enabled, of the right version and schedule."""
    (run,) = state.recurring.values()
    reference = run["pipeline_version_reference"]["pipeline_version_id"]
    assert state.versions[reference]["display_name"] == version
    assert (run["status"], run["trigger"]["cron_schedule"]["cron"]) == ("ENABLED", cron)
    assert len(state.pipelines) == len(state.experiments) == 1


@KINDS
def test_the_first_deployment_creates_everything(deploy, is_multi_user):
    with kubeflow(is_multi_user=is_multi_user) as (host, state):
        assert deploy(host)[0] == FIRST
        assert_deployed(state, "a1")
        namespaces = {item["namespace"] for item in [*state.pipelines.values(), *state.experiments.values()]}
        assert namespaces == ({"broadfast"} if is_multi_user else {""})


@KINDS
def test_the_second_deployment_does_nothing(deploy, is_multi_user):
    with kubeflow(is_multi_user=is_multi_user) as (host, state):
        deploy(host)
        state.requests.clear()
        assert deploy(host)[0] == []
        assert {method for method, _ in state.requests} == {"GET"}


@KINDS
@pytest.mark.parametrize(
    "changes", [{"version": "b2"}, {"cron": "0 0 3 * * *"}, {"parameters": {"pairs": 9}}, {"service_account": "other"}]
)
def test_a_change_replaces_the_recurring_run(deploy, is_multi_user, changes):
    with kubeflow(is_multi_user=is_multi_user) as (host, state):
        deploy(host)
        sentences = deploy(host, **changes)[0]
        upload = [f"version b2 of {NAME} uploaded"] if "version" in changes else []
        replacement = ["recurring run {} created", "old recurring run {} deleted", "recurring run {} enabled"]
        assert sentences == upload + [text.format(NAME) for text in replacement]
        assert_deployed(state, changes.get("version", "a1"), changes.get("cron", "0 0 2 * * *"))


def test_a_night_that_runs_is_not_ended(deploy):
    with kubeflow() as (host, state):
        deploy(host)
        (old,) = state.recurring.values()
        names = {name: old[name] for name in ("experiment_id", "recurring_run_id")}
        night = {"run_id": "r1", "state": "RUNNING", "has_workflow": True} | names
        state.runs.append(night)
        disabled = f"old recurring run {NAME} disabled: its last run has not ended, the next deployment deletes it"
        assert disabled in deploy(host, version="b2")[0]
        assert deploy(host, version="b2")[0] == []
        assert sorted(run["status"] for run in state.recurring.values()) == ["DISABLED", "ENABLED"]
        assert night["has_workflow"]
        night["state"] = "SUCCEEDED"
        assert deploy(host, version="b2")[0] == [f"old recurring run {NAME} deleted"]
        assert_deployed(state, "b2")


@KINDS
@pytest.mark.parametrize("is_first", [True, False], ids=["first", "again"])
@pytest.mark.parametrize(("writes", "dies_after_writing"), list(itertools.product(range(5), [False, True])))
def test_killed_at_any_call_the_next_finishes(deploy, is_multi_user, is_first, writes, dies_after_writing):
    changes = {"version": "b2", "cron": "0 0 4 * * *"}  # five writes the first time, four the second
    with kubeflow(is_multi_user=is_multi_user, dies_after_writing=dies_after_writing) as (host, state):
        if not is_first:
            deploy(host)
        state.writes_left = writes
        try:
            deploy(host, **changes)
        except ConnectionError as error:
            assert f"went away while {NAME} was deployed" in str(error) and "run it again" in str(error)
        state.writes_left = -1
        deploy(host, **changes)
        assert_deployed(state, "b2", "0 0 4 * * *")
        assert deploy(host, **changes)[0] == []


def test_a_shared_pipeline_is_used(deploy):
    with kubeflow() as (host, state):
        shared_pipeline = {"pipeline_id": "p1", "display_name": NAME, "name": NAME, "namespace": ""}
        state.pipelines["p1"] = shared_pipeline
        assert deploy(host)[0] == FIRST[1:]
        assert deploy(host)[0] == [] and list(state.pipelines.values()) == [shared_pipeline]


def test_another_teams_pipeline_is_left_alone(deploy):
    with kubeflow(namespaces=("broadfast", "others")) as (host, state):
        state.pipelines["p1"] = {"pipeline_id": "p1", "display_name": NAME, "name": NAME, "namespace": "others"}
        assert deploy(host)[0] == FIRST
        assert len(state.pipelines) == 2


@pytest.mark.parametrize(
    ("default_account", "warning"),
    [
        ("", ""),
        (
            "pipeline-runner",
            "runs as 'pipeline-runner', not as 'steps': this server ignores the account of a recurring run, "
            "as Kubeflow Pipelines before 2.17 does; after its upgrade, delete the recurring run and deploy again",
        ),
    ],
)
def test_a_dropped_service_account_is_reported(deploy, default_account, warning):
    with kubeflow(default_account=default_account) as (host, _):
        assert deploy(host)[1].account_warning == warning
        assert deploy(host)[1].account_warning == warning  # where there is nothing to do, too


def test_the_servers_refusal_is_passed_on(deploy):
    with kubeflow() as (host, state):
        deploy(host)
        state.versions.clear()
        state.pipelines.clear()
        state.namespaces = ()
        with pytest.raises(PermissionError, match="refuses this user namespace 'broadfast'"):
            deploy(host)

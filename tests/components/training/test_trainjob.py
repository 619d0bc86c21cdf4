"""The TrainJob of a call: what it asks for, and what happens where it fails, is gone, is another's or is refused."""

from functools import partial

import pytest
import yaml

from components import storage
from components.kubernetes_api import KubernetesApi
from components.settings import Settings
from components.teacher.config import SftConfig
from components.training import trainjob
from components.training.trainjob import Call
from components.training.trainjob_status import describe_progress
from testing.kubernetes_server import cluster
from testing.servers import environment
from tests.manifests.rendered import ROOT

NODES = {
    "BROADFAST_TRAINING_NODES": "4",
    "BROADFAST_TRAINING_GPUS": "8",
    "BROADFAST_TRAINING_CPU": "64",
    "BROADFAST_TRAINING_MEMORY_GIB": "512",
    "BROADFAST_TEACHER_IMAGE": "r/teacher-python:1",
}
RESOURCES = {"cpu": "64", "memory": "512Gi", "nvidia.com/gpu": "8"}
COMPLETE = {"conditions": [{"type": "Complete", "status": "True"}]}
FAILED = {"conditions": [{"type": "Failed", "status": "True", "message": "a node ended with an error"}]}


def train_job(**variables):
    with environment(**NODES | variables):
        return trainjob.train_job("trainjobs/sft/abc", Settings())


def test_the_job_names_runtime_machines_and_call():
    spec = train_job()["spec"]
    assert (spec["runtimeRef"]["kind"], spec["runtimeRef"]["name"]) == ("TrainingRuntime", "broadfast-torch")
    assert (spec["trainer"]["numNodes"], spec["trainer"]["numProcPerNode"]) == (4, 8)
    assert spec["trainer"]["args"] == ["trainjobs/sft/abc"] and spec["trainer"]["image"] == "r/teacher-python:1"


def test_the_job_asks_for_cpu_memory_and_gpus():
    resources = train_job()["spec"]["trainer"]["resourcesPerNode"]
    assert resources == {"limits": RESOURCES, "requests": RESOURCES}


def test_kueues_queue_is_a_label_of_the_job():
    assert train_job(BROADFAST_QUEUE="gpus")["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] == "gpus"
    assert "kueue.x-k8s.io/queue-name" not in train_job()["metadata"]["labels"]


def test_the_job_holds_to_trainers_schema(schema_faults):
    document = {"apiVersion": "trainer.kubeflow.org/v1alpha1", "kind": "TrainJob"} | train_job()
    document["metadata"]["name"] = "broadfast-sft"
    assert schema_faults(yaml.safe_dump(document)) == "1 objects, 0 faults\n"


def test_the_runtime_keeps_failed_pods_for_their_logs():
    runtime = yaml.safe_load((ROOT / "manifests/components/multi-node/runtime.yaml").read_text())
    job = runtime["spec"]["template"]["spec"]["replicatedJobs"][0]["template"]["spec"]
    assert runtime["kind"] == "TrainingRuntime"
    assert (job["backoffLimit"], job["template"]["spec"]["restartPolicy"]) == (0, "Never")
    assert "ttlSecondsAfterFinished" not in runtime["spec"]["template"]["spec"]  # would start a failed job over


def call(run="run-1", checkpoints="checkpoints/sft/abc"):
    with environment(BROADFAST_RUN_ID=run):
        found = Call("sft", SftConfig(), checkpoints)
        return found.prefix, found.job_name(1)


def test_a_name_tells_run_training_and_attempt_apart():
    names = {call(), call(run="run-2"), call(checkpoints="checkpoints/sft/def")}
    assert len(names) == 3 and call() == call()
    assert Call("sft", SftConfig(), "c").job_name(1) != Call("sft", SftConfig(), "c").job_name(2)


@pytest.fixture
def run_job(s3, monkeypatch, request):
    """Return a function that runs the job of one call against a played API server, whose state it carries."""
    monkeypatch.setattr(trainjob, "POLL_S", 0.01)
    job_call = Call("sft", SftConfig(), f"checkpoints/sft/{request.node.name}")
    with cluster() as (state, client), environment(**NODES):
        api = KubernetesApi("broadfast", client, "broadfast-pipeline")
        yield partial(trainjob.run_job, api, job_call), state, job_call
    storage.remove_folder(job_call.prefix)


def names(state):
    return [name for kind, name in state.objects if kind == "trainjobs"]


@pytest.mark.parametrize(("status", "words"), [("True", "waits for its queue"), ("False", "runs on 4 nodes")])
def test_a_job_in_a_queue_says_so(status, words):
    with environment(**NODES):
        text = describe_progress({"status": {"conditions": [{"type": "Suspended", "status": status}]}})
    assert words in text


def test_a_job_that_reports_says_how_far():
    metrics = [{"name": "loss", "value": "0.41"}, {"name": "current_step", "value": "90"}]
    status = {"progressPercentage": 45, "estimatedRemainingSeconds": 3600, "metrics": metrics}
    with environment(**NODES):
        assert describe_progress({"status": {"trainerStatus": status}}) == ("runs on 4 nodes, 45% done, loss 0.41")
        assert describe_progress({"status": {}}) == "runs on 4 nodes"


@pytest.mark.slow
def test_a_complete_job_is_removed(run_job):
    run, state, _ = run_job
    state.jobs = lambda job: COMPLETE
    run()
    assert not names(state)


@pytest.mark.slow
def test_a_failed_job_stays_beside_the_next(run_job):
    run, state, job_call = run_job
    state.jobs = lambda job: FAILED
    with pytest.raises(RuntimeError, match="-1 failed: a node ended with an error; see `kubectl logs -l jobset"):
        run()
    assert names(state) == [job_call.job_name(1)]
    state.jobs = lambda job: COMPLETE if job["metadata"]["name"].endswith("-2") else FAILED
    run()
    assert not names(state)


@pytest.mark.slow
def test_a_job_that_is_gone_is_an_error(run_job):
    run, state, job_call = run_job

    def delete_by_hand(job):
        state.objects.clear()
        return {}

    state.jobs = delete_by_hand
    with pytest.raises(RuntimeError, match="-1 is gone: somebody deleted it; try the step again"):
        run()
    assert storage.get_json(f"{job_call.prefix}/attempt.json") == {"attempt": 2, "is_made": False}


@pytest.mark.slow
def test_a_killed_step_finds_its_job_again(run_job):
    run, state, job_call = run_job
    add_job(state, job_call.job_name(1), job_call.prefix)
    state.jobs = lambda job: COMPLETE
    run()
    assert not [method for method, _ in state.requests if method == "PATCH"]


def add_job(state, name, owner, **annotations):
    body = {"metadata": {"name": name, "annotations": {"broadfast/call": owner} | annotations}, "spec": {"trainer": {}}}
    state.apply(("trainjobs", name), body, "broadfast-pipeline", force=True)


@pytest.mark.slow
def test_foreign_annotations_change_nothing(run_job):
    run, state, job_call = run_job
    add_job(state, job_call.job_name(1), job_call.prefix, **{"kubectl.kubernetes.io/restartedAt": "now"})
    state.jobs = lambda job: COMPLETE
    run()
    assert not [method for method, _ in state.requests if method == "PATCH"]


@pytest.mark.slow
def test_anothers_job_is_left_alone(run_job):
    run, state, job_call = run_job
    add_job(state, job_call.job_name(1), "trainjobs/sft/another")
    with pytest.raises(RuntimeError, match="is there already and belongs to trainjobs/sft/another: delete it"):
        run()
    assert names(state) == [job_call.job_name(1)]


@pytest.mark.slow
def test_a_webhooks_refusal_is_passed_on(run_job):
    run, state, _ = run_job
    refusal = 'admission webhook "validator.trainjob.trainer.kubeflow.org" denied the request: no such runtime'
    state.failures = [("PATCH", 403, refusal)]
    with pytest.raises(ConnectionError, match=refusal.replace(".", r"\.")):
        run()


@pytest.mark.slow
def test_missing_rights_name_the_service_account(run_job):
    run, state, _ = run_job
    state.failures = [("PATCH", 403, "trainjobs.trainer.kubeflow.org is forbidden: User cannot patch")]
    with pytest.raises(PermissionError, match="does this run use the service account broadfast-pipeline"):
        run()

"""Training on several machines: the pods of a TrainJob, and its end, also where it fails or is deleted."""

import pytest

from components import storage
from components.teacher.config import SftConfig
from components.training import trainjob
from components.training.trainjob import Call
from testing.servers import environment

pytestmark = [pytest.mark.needs("Kubernetes", "Trainer"), pytest.mark.slow]
NODES = {
    "BROADFAST_TRAINING_NODES": "2",
    "BROADFAST_TRAINING_GPUS": "4",
    "BROADFAST_TRAINING_CPU": "16",
    "BROADFAST_TRAINING_MEMORY_GIB": "128",
    "BROADFAST_TEACHER_IMAGE": "registry.internal/suite/teacher-python:1",
    "BROADFAST_QUEUE": "gpus",
}
AMOUNTS = {"cpu": "16", "memory": "128Gi", "nvidia.com/gpu": "4"}


@pytest.fixture
def training(world, s3, monkeypatch, request):
    """Yield Trainer, and one call of it."""
    monkeypatch.setattr(trainjob, "POLL_S", 0.2)
    with world.trainings() as trainings, environment(**NODES, BROADFAST_RUN_ID=world.namespace):
        call = Call("sft", SftConfig(), f"checkpoints/sft/{request.node.name}")
        yield trainings, call
        for attempt in (1, 2):
            trainings.api.delete("TrainJob", call.job_name(attempt))
        storage.remove_folder(call.prefix)  # it is of the run that the environment names


def test_each_node_gets_all_of_its_resources(training):
    trainings, call = training
    trainjob.make_job(trainings.api, call.job_name(1), call)
    pods = trainings.pods(call.job_name(1))
    assert len(pods) == 2
    for pod in pods:
        container = pod["spec"]["containers"][0]
        assert container["resources"] == {"limits": AMOUNTS, "requests": AMOUNTS}
        assert container["image"] == NODES["BROADFAST_TEACHER_IMAGE"] and container["args"] == [call.prefix]


def test_a_nodes_pod_keeps_its_runtimes_security(training):
    trainings, call = training
    trainjob.make_job(trainings.api, call.job_name(1), call)
    for pod in trainings.pods(call.job_name(1)):
        assert pod["metadata"]["labels"]["broadfast/step"] == "sft"
        assert pod["spec"]["restartPolicy"] == "Never" and pod["spec"]["automountServiceAccountToken"] is False
        assert pod["spec"]["securityContext"]["runAsNonRoot"] is True
        assert pod["spec"]["containers"][0]["securityContext"]["readOnlyRootFilesystem"] is True


def test_a_complete_job_is_removed(training):
    trainings, call = training
    with trainings.ending("Succeeded"):
        trainjob.run_job(trainings.api, call)
    assert trainings.api.get("TrainJob", call.job_name(1)) is None


def test_a_failed_job_keeps_its_pods(training):
    trainings, call = training
    with trainings.ending("Failed"), pytest.raises(RuntimeError, match="-1 failed: .+; see `kubectl logs -l"):
        trainjob.run_job(trainings.api, call)
    assert len(trainings.pods(call.job_name(1))) == 2
    with trainings.ending("Succeeded"):
        trainjob.run_job(trainings.api, call)
    assert [trainings.api.get("TrainJob", call.job_name(attempt)) for attempt in (1, 2)] == [None, None]


def test_a_job_deleted_by_hand_is_an_error(training):
    trainings, call = training
    with trainings.ending("Deleted"), pytest.raises(RuntimeError, match="-1 is gone: somebody deleted it"):
        trainjob.run_job(trainings.api, call)
    assert storage.get_json(f"{call.prefix}/attempt.json") == {"attempt": 2, "is_made": False}


def test_a_killed_step_finds_its_job_again(training):
    trainings, call = training
    trainjob.make_job(trainings.api, call.job_name(1), call)
    before = trainings.api.get("TrainJob", call.job_name(1))["metadata"]
    trainjob.make_job(trainings.api, call.job_name(1), call)
    after = trainings.api.get("TrainJob", call.job_name(1))["metadata"]
    assert (after.get("uid"), after["generation"]) == (before.get("uid"), before["generation"])

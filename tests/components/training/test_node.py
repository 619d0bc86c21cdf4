"""A training on several machines: the TrainJob that is asked for, and the processes that it starts, on CPUs."""

import json
import subprocess
import sys

import pytest
import yaml

from components import storage
from components.pretrained import model_digest
from components.settings import Settings
from components.teacher.config import SftConfig
from components.teacher.sft import sft
from components.training import trainjob
from testing.kubernetes_server import cluster
from testing.servers import environment

SFT = SftConfig(rank=2, epochs=1, learning_rate=1e-2, batch_size=4, max_length=256)
NODES = {
    "BROADFAST_TRAINING_NODES": "2",
    "BROADFAST_TRAINING_GPUS": "1",
    "BROADFAST_TEACHER_IMAGE": "r/teacher-python:1",
}


def test_the_job_names_runtime_machines_and_call():
    with environment(**NODES | {"BROADFAST_TRAINING_NODES": "4", "BROADFAST_TRAINING_GPUS": "8"}):
        spec = trainjob.train_job("trainjobs/sft/abc", Settings())["spec"]
    assert spec["runtimeRef"]["name"] == "broadfast-torch"
    assert (spec["trainer"]["numNodes"], spec["trainer"]["numProcPerNode"]) == (4, 8)
    assert spec["trainer"]["resourcesPerNode"]["limits"] == {"nvidia.com/gpu": "8"}
    assert spec["trainer"]["args"] == ["trainjobs/sft/abc"] and spec["trainer"]["image"] == "r/teacher-python:1"


def test_the_job_holds_to_trainers_schema(schema_faults):
    with environment(**NODES):
        body = trainjob.train_job("trainjobs/sft/abc", Settings())
    whole = {"apiVersion": "trainer.kubeflow.org/v1alpha1", "kind": "TrainJob"} | body
    whole["metadata"]["name"] = "broadfast-sft"
    assert schema_faults(yaml.safe_dump(whole)) == "1 objects, 0 faults\n"


class Trainer:
    """Plays Kubeflow's Trainer: torchrun on two machines, here two processes of this one."""

    def __init__(self, fails=False):
        self.fails = fails
        self.processes = {}

    def __call__(self, job):
        (prefix,) = job["spec"]["trainer"]["args"]
        if prefix not in self.processes:
            self.processes[prefix] = self.start(prefix)
        process = self.processes[prefix]
        if process.poll() is None:
            return {}
        condition = "Complete" if process.returncode == 0 else "Failed"
        return {"conditions": [{"type": condition, "status": "True", "message": "a node ended with an error"}]}

    def start(self, prefix):
        words = ["-m", "components.training.node", "trainjobs/nothing" if self.fails else prefix]
        command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", *words]
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@pytest.fixture
def trainer(monkeypatch):
    monkeypatch.setattr(trainjob, "POLL_S", 0.2)
    with cluster() as (state, api), environment(**NODES):
        monkeypatch.setattr(trainjob, "connect", lambda: api)
        state.jobs = Trainer()
        yield state


@pytest.mark.slow
def test_two_machines_return_model_and_result(s3, llm, judgements_path, rationales_path, tmp_path, trainer):
    details = sft(rationales_path, judgements_path, llm, SFT, tmp_path / "out").details
    assert details["steps"] > 0 and details["model_digest"] == model_digest(tmp_path / "out")
    assert model_digest(tmp_path / "out") != model_digest(llm)
    assert not trainer.objects and not list(storage.list_names("trainjobs"))
    assert len(trainer.jobs.processes) == 1


@pytest.mark.slow
def test_a_failed_job_is_tried_anew(s3, llm, judgements_path, rationales_path, tmp_path, trainer):
    trainer.jobs = Trainer(fails=True)
    with pytest.raises(
        RuntimeError, match="TrainJob broadfast-sft failed: a node ended with an error; see `kubectl logs"
    ):
        sft(rationales_path, judgements_path, llm, SFT, tmp_path / "out")
    trainer.jobs = Trainer()
    assert json.dumps(sft(rationales_path, judgements_path, llm, SFT, tmp_path / "out").to_dict())

"""A training on several machines, with real processes on CPUs in the place of machines."""

import subprocess
import sys

import pytest

from components import storage
from components.pretrained import model_digest
from components.teacher.config import SftConfig
from components.teacher.sft import sft
from components.training import trainjob
from testing.kubernetes_server import cluster
from testing.servers import environment

pytestmark = pytest.mark.slow  # trains
SFT = SftConfig(rank=2, epochs=1, learning_rate=1e-2, batch_size=4, max_length=256)
NODE = "components.training.node"
NODES = {
    "BROADFAST_TRAINING_NODES": "2",
    "BROADFAST_TRAINING_GPUS": "1",
    "BROADFAST_TEACHER_IMAGE": "r/teacher-python:1",
}


class Trainer:
    """Plays Kubeflow's Trainer: torchrun on two machines, here two processes of this one."""

    def __init__(self, fails=False):
        self.fails = fails
        self.processes = {}

    def __call__(self, job):
        name = job["metadata"]["name"]
        if name not in self.processes:
            (prefix,) = job["spec"]["trainer"]["args"]
            self.processes[name] = self.start(prefix)
        process = self.processes[name]
        if process.poll() is None:
            return {}
        condition = "Complete" if process.returncode == 0 else "Failed"
        return {"conditions": [{"type": condition, "status": "True", "message": "a node ended with an error"}]}

    def start(self, prefix):
        command = [sys.executable, "-m", NODE, "trainjobs/nothing"]
        if not self.fails:
            command[2:] = ["torch.distributed.run", "--standalone", "--nproc-per-node=2", "-m", NODE, prefix]
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@pytest.fixture
def trainer(monkeypatch):
    monkeypatch.setattr(trainjob, "POLL_S", 0.2)
    with cluster() as (state, api), environment(**NODES):
        monkeypatch.setattr(trainjob, "connect", lambda: api)
        state.jobs = Trainer()
        yield state


def test_two_machines_return_model_and_result(s3, llm, judgements_path, rationales_path, tmp_path, trainer):
    """The first job fails, with its reason; the second has a name of its own, and its two processes train."""
    others = list(storage.list_names("trainjobs"))
    trainer.jobs = Trainer(fails=True)
    with pytest.raises(RuntimeError, match="TrainJob broadfast-sft-[0-9a-f]{10}-1 failed: a node ended with an error"):
        sft(rationales_path, judgements_path, llm, SFT, tmp_path / "out")
    trainer.jobs = Trainer()
    result = sft(rationales_path, judgements_path, llm, SFT, tmp_path / "out")
    assert result.rows_out == 10 and result.details["steps"] > 0
    assert result.details["model_digest"] == model_digest(tmp_path / "out") != model_digest(llm)
    assert not trainer.objects and list(storage.list_names("trainjobs")) == others
    (job,) = trainer.jobs.processes
    assert job.endswith("-2")

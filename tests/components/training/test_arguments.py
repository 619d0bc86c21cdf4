"""Trainer arguments: the precision that is fast on the machine, and who hears of the progress."""

import json

import pytest
import torch
from torch import nn
from transformers import Trainer, TrainingArguments

from components import precision
from components.student.config import LrkdConfig
from components.training.arguments import run_training, trainer_arguments
from testing.servers import JsonHandler, environment, serving


@pytest.mark.parametrize(
    ("units", "maker", "bf16"),
    [
        ({}, "AuthenticAMD", False),
        ({"avx512_bf16": True}, "AuthenticAMD", True),
        ({"avx512_bf16": True}, "GenuineIntel", False),
        ({"avx512_bf16": True, "amx_bf16": True}, "GenuineIntel", True),
    ],
)
def test_a_cpu_trains_in_bf16_where_fast(monkeypatch, tmp_path, units, maker, bf16):
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(f"processor\t: 0\nvendor_id\t: {maker}\n\nprocessor\t: 1\nvendor_id\t: {maker}\n")
    monkeypatch.setattr(precision, "CPUINFO", cpuinfo)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: units)
    arguments = trainer_arguments(LrkdConfig(), tmp_path)
    assert arguments["bf16"] is bf16 and arguments["use_cpu"]
    assert (
        arguments["per_device_train_batch_size"] * arguments["gradient_accumulation_steps"] == LrkdConfig().batch_size
    )


class Line(nn.Module):
    """A model of one number, as a trainer sees it."""

    def __init__(self):
        super().__init__()
        self.slope = nn.Parameter(torch.zeros(1))

    def forward(self, x, y):
        return {"loss": ((self.slope * x - y) ** 2).mean()}


class StatusServer(JsonHandler):
    """Takes reports as the status server of Kubeflow's Trainer does."""

    def do_POST(self):
        report = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.state.append((self.headers["authorization"], report["trainerStatus"]))
        self.say(200, report)


def train_a_line(folder):
    rows = [{"x": torch.ones(1), "y": torch.ones(1)}] * 64
    arguments = TrainingArguments(**trainer_arguments(LrkdConfig(batch_size=32, epochs=1), folder))
    return run_training(Trainer(Line(), arguments, train_dataset=rows))


@pytest.mark.slow
def test_a_trainjob_shows_its_progress(tmp_path):
    (tmp_path / "token").write_text("token-of-the-pod")
    reports = []
    token = {"KUBEFLOW_TRAINER_SERVER_TOKEN": str(tmp_path / "token")}
    with serving(StatusServer, reports) as url, environment(KUBEFLOW_TRAINER_SERVER_URL=url, **token):
        losses = train_a_line(tmp_path)
    assert {token for token, _ in reports} == {"Bearer token-of-the-pod"}
    assert [status["progressPercentage"] for _, status in reports] == [0, 100]
    metrics = {metric["name"]: metric["value"] for metric in reports[-1][1]["metrics"]}
    assert float(metrics["loss"]) == losses[-1]["loss"]


@pytest.mark.slow
def test_outside_a_trainjob_nobody_hears(tmp_path):
    reports = []
    with serving(StatusServer, reports):
        train_a_line(tmp_path)
    assert not reports

"""Trainer arguments: the precision that is fast on the machine."""

import pytest
import torch

from components.student.config import LrkdConfig
from components.training.arguments import trainer_arguments


@pytest.mark.parametrize(
    ("machine", "bf16"),
    [({}, False), ({"avx512_bf16": True}, False), ({"avx512_bf16": True, "amx_bf16": True}, True)],
)
def test_a_cpu_trains_in_bf16_only_with_amx(monkeypatch, tmp_path, machine, bf16):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: machine)
    arguments = trainer_arguments(LrkdConfig(), tmp_path)
    assert arguments["bf16"] is bf16 and arguments["use_cpu"]
    assert (
        arguments["per_device_train_batch_size"] * arguments["gradient_accumulation_steps"] == LrkdConfig().batch_size
    )

"""What every training shares: the precision that is quick on the machine it runs on."""

import pytest
import torch

from components.student.config import LrkdConfig
from components.training.arguments import settings_of


@pytest.mark.parametrize(
    ("machine", "bf16"),
    [({}, False), ({"avx512_bf16": True}, False), ({"avx512_bf16": True, "amx_bf16": True}, True)],
)
def test_a_cpu_trains_in_bf16_only_where_amx_makes_it_the_quicker(monkeypatch, tmp_path, machine, bf16):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: machine)
    said = settings_of(LrkdConfig(), tmp_path)
    assert said["bf16"] is bf16 and said["use_cpu"]
    assert said["per_device_train_batch_size"] * said["gradient_accumulation_steps"] == LrkdConfig().batch_size

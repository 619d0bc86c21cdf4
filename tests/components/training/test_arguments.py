"""Trainer arguments: the precision that is fast on the machine."""

import pytest
import torch

from components import precision
from components.student.config import LrkdConfig
from components.training.arguments import trainer_arguments


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

"""The merge of an adapter: summed in float32, rounded once, and the loss by rounding is measured."""

import pytest
import torch
from peft import LoraConfig, get_peft_model

from components.teacher.merge import add_updates


class OneLayer(torch.nn.Module):
    """A model with one linear layer of four weights, all 1."""

    def __init__(self, dtype):
        super().__init__()
        self.layer = torch.nn.Linear(2, 2, bias=False, dtype=dtype)
        torch.nn.init.ones_(self.layer.weight)


def merge_update(dtype, update: float) -> tuple[torch.Tensor, float]:
    """Merge an adapter that adds `update` to every weight; return the weights and the cosine."""
    model = get_peft_model(OneLayer(dtype), LoraConfig(r=1, lora_alpha=1, target_modules=["layer"]))
    torch.nn.init.ones_(model.base_model.model.layer.lora_A["default"].weight)
    torch.nn.init.constant_(model.base_model.model.layer.lora_B["default"].weight, update)
    cosine = add_updates(model)
    return model.unload().layer.weight.data, cosine


def test_a_float32_base_takes_the_whole_update():
    weights, cosine = merge_update(torch.float32, 0.001)
    assert weights.tolist() == [[pytest.approx(1.001, abs=1e-6)] * 2] * 2 and cosine == 1.0


def test_a_bfloat16_base_rounds_the_sum_once():
    weights, cosine = merge_update(torch.bfloat16, 0.006)  # the next number above 1 is 1.0078125
    assert weights.dtype == torch.bfloat16 and weights.tolist() == [[1.0078125] * 2] * 2
    assert cosine == 1.0


def test_an_update_lost_by_rounding_has_no_cosine():
    weights, cosine = merge_update(torch.bfloat16, 0.001)
    assert weights.tolist() == [[1.0] * 2] * 2 and cosine == 0.0


def test_no_update_changes_nothing():
    weights, cosine = merge_update(torch.bfloat16, 0.0)
    assert weights.tolist() == [[1.0] * 2] * 2 and cosine == 1.0

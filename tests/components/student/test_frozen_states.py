"""States behind frozen layers are computed once, and a training from them is the same training."""

from dataclasses import replace

import pytest
import torch
from datasets import Dataset

from components.student import frozen_states
from components.student.dataset import write_examples
from components.student.frozen_states import compute_frozen_states
from components.student.model import new_student
from components.student.train import save_tokenizer, train
from testing.student_fixtures import EMBEDDING


@pytest.fixture(params=[1, -1], ids="{} trained layers".format)
def frozen_config(config, request):
    return replace(config, architecture="late_interaction", epochs=1, trained_layers=request.param)


@pytest.fixture
def examples(tables, frozen_config, tmp_path):
    write_examples(tables, save_tokenizer(frozen_config, tmp_path), frozen_config, tmp_path)
    return Dataset.from_file(str(tmp_path / "train.arrow"))


def test_a_pair_has_its_own_states(examples, frozen_config):
    from components.student.trainer import collate

    student = new_student(frozen_config, EMBEDDING).eval()
    rows = [examples[row] for row in (0, 7, 23)]
    batch = collate(rows, compute_frozen_states(student, examples))
    tokens = (batch["input_ids"], batch["attention_mask"], batch["token_type_ids"])
    is_token = batch["attention_mask"].bool()
    torch.testing.assert_close(batch["frozen_states"][is_token], student.encode_frozen(*tokens)[is_token])
    torch.testing.assert_close(
        student(*tokens, batch["overlap"], batch["frozen_states"]), student(*tokens, batch["overlap"])
    )


@pytest.mark.slow
def test_training_from_them_is_the_same_training(tables, frozen_config, tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", dict)  # in bf16 a state is rounded with its batch
    with_states = train(*tables, frozen_config, tmp_path / "with")
    monkeypatch.setattr(frozen_states, "MOST_BYTES", 0)
    without = train(*tables, frozen_config, tmp_path / "without")
    losses = [[step["loss"] for step in result.details["history"]] for result in (with_states, without)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)


def test_too_many_states_are_not_kept(examples, frozen_config, monkeypatch):
    monkeypatch.setattr(frozen_states, "MOST_BYTES", 10_000)
    assert compute_frozen_states(new_student(frozen_config, EMBEDDING), examples) is None


def test_without_a_frozen_layer_there_are_none(examples, frozen_config):
    trained = replace(frozen_config, trained_layers=0)
    assert compute_frozen_states(new_student(trained, EMBEDDING), examples) is None

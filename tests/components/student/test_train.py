"""A tiny student learns a tiny task."""

import json
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file

from components import contracts
from components.student.dataset import write_examples
from components.student.model import new_student
from components.student.train import checkpoint_prefix, likeliest_temperature, save_tokenizer, train
from testing.student_fixtures import EMBEDDING


def test_few_queries_move_the_temperature_less(count=4000):
    torch.manual_seed(0)
    logits = 3 * torch.randn(count, 4)
    labels = torch.distributions.Categorical(logits=logits / 2).sample()  # so that the truth is 2
    assert likeliest_temperature(logits, labels, 0) == pytest.approx(1, abs=0.01)
    assert 1.05 < likeliest_temperature(logits, labels, 20) < 1.5
    assert likeliest_temperature(logits, labels, count) == pytest.approx(2, abs=0.1)


def test_another_configuration_has_other_checkpoints(tables, config, tmp_path):
    write_examples(tables, save_tokenizer(config, tmp_path), config, tmp_path)
    prefixes = {checkpoint_prefix(replace(config, seed=seed), tmp_path) for seed in (0, 0, 1)}
    assert len(prefixes) == 2


@pytest.mark.slow
@pytest.mark.parametrize("term", ["cross_entropy", "alignment"])
def test_training_lowers_both_loss_terms(trained_student, term):
    history = trained_student[1].details["history"]
    first = sum(step[term] for step in history[:4])
    last = sum(step[term] for step in history[-4:])
    assert last < 0.8 * first


@pytest.mark.slow
def test_training_counts_every_row(trained_student):
    result = trained_student[1]
    left_out = result.details["set_aside_why"]
    assert result.rows_in == 96 == result.rows_out + result.quarantined
    assert sum(left_out.values()) == result.quarantined
    assert left_out["valid"] == 24
    assert 0 < result.details["aligned"] < result.rows_out
    assert result.rows_out == result.details["aligned"] + result.details["not_aligned"]


@pytest.mark.slow
def test_a_trained_student_is_a_folder_without_code(trained_student):
    folder, _ = trained_student
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert names == {"model.safetensors", "tokenizer.json", "config.json", "encoder/config.json"}
    config = json.loads((folder / "config.json").read_text())
    assert config["reasoning_width"] == EMBEDDING
    assert config["labels"] == list(contracts.LABELS)
    assert 0.19 < config["temperature"] < 5.1


@pytest.mark.slow
def test_plain_cross_entropy_aligns_nothing(tables, config, tmp_path):
    result = train(*tables, replace(config, align_weight=0.0, epochs=0.5), tmp_path)
    assert result.details["aligned"] == 0
    assert result.details["not_aligned"] == result.rows_out
    assert json.loads((tmp_path / "config.json").read_text())["distillation"] == "none"


@pytest.mark.slow
def test_layers_below_the_trained_ones_stay(tables, config, tmp_path):
    train(*tables, replace(config, trained_layers=1, epochs=0.5), tmp_path)
    after = load_file(tmp_path / "model.safetensors")
    before = new_student(config, EMBEDDING).state_dict()
    changed = {name for name in before if name.startswith("encoder.") and not torch.equal(before[name], after[name])}
    last = len(layer_numbers(before)) - 1
    assert changed and all(name.startswith(f"encoder.encoder.layer.{last}.") for name in changed)


def layer_numbers(state: dict) -> set[str]:
    return {name.split(".")[3] for name in state if name.startswith("encoder.encoder.layer.")}


@pytest.mark.slow
def test_without_epochs_the_head_is_fitted(tables, config, tmp_path):
    result = train(*tables, replace(config, architecture="late_interaction", epochs=0), tmp_path)
    assert result.headline == "a fitted head on a frozen encoder"
    assert (result.details["history"], result.details["aligned"]) == ([], 0)
    state = load_file(tmp_path / "model.safetensors")
    encoder = new_student(config, EMBEDDING).encoder.state_dict()
    assert all(torch.equal(state[f"encoder.{name}"], weight) for name, weight in encoder.items())
    assert state["overlap_head.weight"].any() and not state["classifier.weight"].any()


def test_a_cross_encoder_needs_epochs(tables, config, tmp_path):
    with pytest.raises(ValueError, match="epochs is 0: a late_interaction student alone has a head that is fitted"):
        train(*tables, replace(config, epochs=0), tmp_path)


@pytest.mark.slow
def test_the_same_seed_trains_the_same_student(tables, config, tmp_path):
    short = replace(config, epochs=0.5)
    histories = [train(*tables, short, tmp_path / str(run)).details["history"] for run in range(2)]
    assert histories[0] == histories[1]


@pytest.mark.slow
def test_an_infinite_loss_stops_the_training(tables, config, tmp_path):
    with pytest.raises(ValueError, match="the loss is (nan|inf) at step .*: lower the learning rate"):
        train(*tables, replace(config, head_learning_rate=float("inf")), tmp_path)


@pytest.mark.slow
def test_gradients_of_both_terms_are_logged(trained_student):
    details = trained_student[1].details
    step = details["history"][0]
    assert step["cross_entropy_gradient"] > 0
    assert step["alignment_gradient"] > 0
    assert details["token_share"] > 0.85  # of the batches is not padding


@pytest.mark.slow
def test_class_weights_train_every_architecture(tables, config, tmp_path):
    for architecture in ("cross_encoder", "late_interaction"):
        weighed = replace(config, architecture=architecture, epochs=0.5, class_weights=1.0)
        result = train(*tables, weighed, tmp_path / architecture)
        assert result.details["aligned"] > 0
        assert len(result.details["history"]) == 5

"""Supervised fine-tuning: on right rationales alone, labels in turn, loss on the completion alone."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from components import contracts
from components.model_reference import ModelReference, read_reference
from components.model_store import open_model
from components.pretrained import model_digest
from components.rationales.exemplars import write_exemplars
from components.teacher.config import SftConfig
from components.teacher.sft import sft, start
from components.teacher.sft_rows import cap_rows, right_by_label, take_turns
from components.teacher.trainer import load_model
from testing.rows import rationale
from testing.servers import environment

EMBEDDING = "model.embed_tokens.weight"  # which LoRA leaves alone
CONFIG = SftConfig(rank=2, epochs=3, learning_rate=1e-2, batch_size=4, max_length=256)


def right(**counts: int) -> dict[str, list[dict]]:
    """Return so many right rationales of each label."""
    names = [(label, n) for label, count in counts.items() for n in range(count)]
    return right_by_label(rationale(label=label, predicted_label=label, key=f"{label}{n}") for label, n in names)


def test_only_right_rationales_are_learnt_from():
    rows = [rationale(), rationale(predicted_label="Complement", key="wrong")]
    assert {label: len(group) for label, group in right_by_label(rows).items() if group} == {"Exact": 1}


def test_labels_come_in_turn_below_the_cap():
    rows = cap_rows(right(Exact=3, Irrelevant=3), SftConfig(rows=4))
    assert [row["label"] for row in rows] == ["Exact", "Irrelevant", "Exact", "Irrelevant"]
    assert len(cap_rows(right(Exact=3, Irrelevant=1), SftConfig())) == 4


def test_balanced_rows_are_as_many_as_the_rarest():
    rows = cap_rows(right(Exact=9, Substitute=2, Complement=5, Irrelevant=7), SftConfig(balance_labels=True))
    assert Counter(row["label"] for row in rows) == dict.fromkeys(contracts.LABELS, 2)


def test_balancing_names_a_label_without_rationales():
    with pytest.raises(ValueError, match="no right rationale has the label Substitute, Complement$"):
        cap_rows(right(Exact=9, Irrelevant=7), SftConfig(balance_labels=True))


def test_packing_needs_flash_attention(judgements_path, rationales_path, tmp_path):
    with pytest.raises(ValueError, match="packing needs a GPU and the package flash-attn"):
        sft(rationales_path, judgements_path, tmp_path, replace(CONFIG, packing=True), tmp_path / "model")


def test_groups_give_one_each_until_all_are_empty():
    assert list(take_turns([[1, 2, 3], [4]])) == [1, 4, 2, 3]
    assert list(take_turns([])) == []


@pytest.mark.slow
def test_a_teacher_learns_and_is_saved_whole(s3, llm, judgements_path, rationales_path, tmp_path):
    result = sft(rationales_path, judgements_path, llm, CONFIG, tmp_path / "model")
    details = result.details
    assert (result.rows_in, result.rows_out, result.quarantined) == (16, 10, 6)
    assert details["set_aside_why"]["not the judged label"] == 6
    assert details["labels"] == {"Exact": 2, "Substitute": 2, "Complement": 2, "Irrelevant": 4}
    assert details["curve"][-1]["loss"] < details["curve"][0]["loss"]
    assert details["merge_cosine"] == 1.0 and details["merged_loss"] < details["curve"][0]["loss"]
    assert details["model_digest"] == model_digest(tmp_path / "model") != model_digest(llm)
    assert [path.name for path in (tmp_path / "model").iterdir()] == ["model.json"]


@pytest.mark.slow
@pytest.mark.parametrize("rank", [0, 2])
def test_layers_below_the_trained_ones_stay(s3, llm, judgements_path, rationales_path, tmp_path, rank):
    config = replace(CONFIG, rank=rank, trained_layers=1)
    result = sft(rationales_path, judgements_path, llm, config, tmp_path / "model")
    tuned = Path(open_model(tmp_path / "model"))
    before, after = (load_file(folder / "model.safetensors") for folder in (llm, tuned))
    changed_names = {name for name, weight in before.items() if not torch.equal(weight, after[name])}
    assert {name.split(".")[2] for name in changed_names} == {"1"}
    assert result.details["curve"][-1]["loss"] < result.details["curve"][0]["loss"]


@pytest.mark.slow
def test_more_layers_than_there_are_is_refused(llm):
    with pytest.raises(ValueError, match="trained_layers is 3; LlamaForCausalLM has 2 layers"):
        load_model(str(llm), replace(CONFIG, rank=0, trained_layers=3))


@pytest.mark.slow
def test_no_right_rationale_is_an_error(llm, judgements_path, tmp_path):
    contracts.write([rationale(predicted_label="Irrelevant")], contracts.RATIONALES, tmp_path / "rationales")
    with pytest.raises(ValueError, match="none of 1 rationales ends in the judged label: sample more"):
        sft(tmp_path / "rationales", judgements_path, llm, CONFIG, tmp_path / "model")


@pytest.mark.slow
def test_rows_that_would_lose_their_label_are_quarantined(s3, llm, judgements_path, rationales_path, tmp_path):
    rows = contracts.read(contracts.RATIONALES, rationales_path)
    rows.append(rationale(text="It is red. " * 100))
    contracts.write(rows, contracts.RATIONALES, tmp_path / "rationales")
    result = sft(tmp_path / "rationales", judgements_path, llm, replace(CONFIG, max_steps=1), tmp_path / "model")
    assert (result.rows_out, result.details["set_aside_why"]["longer than max_length"]) == (10, 1)


@pytest.mark.slow
def test_rows_that_do_not_fit_name_the_setting(llm, judgements_path, rationales_path, tmp_path):
    with pytest.raises(ValueError, match="none of 10 rows fits in sft_config's max_length 32: raise it"):
        sft(rationales_path, judgements_path, llm, replace(CONFIG, max_length=32), tmp_path / "model")


@pytest.mark.slow
def test_without_exemplars_the_base_model_starts(llm, judgements_path, tmp_path):
    write_exemplars(judgements_path, 0, tmp_path / "none")
    result = start(tmp_path / "none", judgements_path, str(llm), CONFIG, tmp_path / "model")
    assert result.rows_out == 0 and "curve" not in result.details
    assert read_reference(tmp_path / "model") == ModelReference(str(llm), model_digest(llm))
    assert result.details["digest"] == model_digest(llm) and open_model(tmp_path / "model") == str(llm)


@pytest.mark.slow
def test_exemplars_tune_the_starting_teacher(s3, llm, judgements_path, tmp_path):
    write_exemplars(judgements_path, 4, tmp_path / "exemplars")
    config = SftConfig(rank=2, max_steps=1)
    result = start(tmp_path / "exemplars", judgements_path, str(llm), config, tmp_path / "model")
    assert result.details["exemplars"] == 4 and result.headline.startswith("cold start, loss ")


@pytest.mark.slow
def test_at_rank_0_all_weights_are_tuned(s3, llm, judgements_path, rationales_path, tmp_path):
    sft(rationales_path, judgements_path, llm, replace(CONFIG, rank=0, max_steps=3), tmp_path / "model")
    folders = (llm, Path(open_model(tmp_path / "model")))
    before, after = (load_file(folder / "model.safetensors") for folder in folders)
    assert before.keys() == after.keys() and not torch.equal(before[EMBEDDING], after[EMBEDDING])


@pytest.mark.slow
@pytest.mark.parametrize("rank", [0, 2])
def test_other_machines_make_the_same_weights(s3, llm, judgements_path, rationales_path, tmp_path, rank):
    config = replace(CONFIG, rank=rank, max_steps=2)
    with environment(BROADFAST_MODELS=str(tmp_path / "models")):
        details = sft(rationales_path, judgements_path, llm, config, tmp_path / "model").details
        measured = load_file(Path(open_model(tmp_path / "model")) / "model.safetensors")
    again = load_file(Path(open_model(tmp_path / "model")) / "model.safetensors")
    assert all(torch.equal(weight, again[name]) for name, weight in measured.items())
    assert details["model_digest"] == model_digest(tmp_path / "model")

"""Supervised fine-tuning: on right rationales alone, labels in turn, loss on the completion alone."""

import json
from collections import Counter
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file

from components import contracts
from components.pretrained import model_digest
from components.rationales.exemplars import write_exemplars
from components.teacher.config import SftConfig
from components.teacher.sft import by_label, chosen_rows, in_turn, sft, start
from testing.rows import rationale

EMBEDDING = "model.embed_tokens.weight"  # which LoRA leaves alone
CONFIG = SftConfig(rank=2, epochs=3, learning_rate=1e-2, batch_size=4, max_length=256)


def right(**count: int) -> dict[str, list[dict]]:
    """Right rationales by label, so many of each."""
    rows = [(label, n) for label, many in count.items() for n in range(many)]
    return by_label(rationale(label=label, predicted_label=label, key=f"{label}{n}") for label, n in rows)


def test_only_right_rationales_are_learnt_from():
    rows = [rationale(), rationale(predicted_label="Complement", key="wrong")]
    assert {label: len(group) for label, group in by_label(rows).items() if group} == {"Exact": 1}


def test_labels_come_in_turn_and_a_cap_takes_the_first():
    rows = chosen_rows(right(Exact=3, Irrelevant=3), SftConfig(rows=4))
    assert [row["label"] for row in rows] == ["Exact", "Irrelevant", "Exact", "Irrelevant"]
    assert len(chosen_rows(right(Exact=3, Irrelevant=1), SftConfig())) == 4


def test_balanced_no_label_has_more_rows_than_the_rarest():
    rows = chosen_rows(right(Exact=9, Substitute=2, Complement=5, Irrelevant=7), SftConfig(balanced=True))
    assert Counter(row["label"] for row in rows) == dict.fromkeys(contracts.LABELS, 2)


def test_balanced_a_label_without_a_right_rationale_is_named():
    with pytest.raises(ValueError, match="no right rationale has the label Substitute, Complement$"):
        chosen_rows(right(Exact=9, Irrelevant=7), SftConfig(balanced=True))


def test_rows_are_packed_only_where_attention_keeps_them_apart(judged, reasoned, tmp_path):
    with pytest.raises(ValueError, match="packing needs a GPU and the package flash-attn"):
        sft(reasoned, judged, tmp_path, replace(CONFIG, packing=True), tmp_path / "model")


def test_groups_give_one_each_until_all_are_empty():
    assert list(in_turn([[1, 2, 3], [4]])) == [1, 4, 2, 3]
    assert list(in_turn([])) == []


@pytest.mark.slow
def test_a_teacher_learns_and_is_saved_whole_without_a_pickle(s3, llm, judged, reasoned, tmp_path):
    said = sft(reasoned, judged, llm, CONFIG, tmp_path / "model")
    assert (said["rows_in"], said["rows_out"], said["set_aside"]) == (16, 10, 6)
    assert said["set_aside_why"]["not the judged label"] == 6
    assert said["labels"] == {"Exact": 2, "Substitute": 2, "Complement": 2, "Irrelevant": 4}
    assert said["curve"][-1]["loss"] < said["curve"][0]["loss"]
    assert said["model_digest"] == model_digest(tmp_path / "model") != model_digest(llm)
    assert {path.suffix for path in (tmp_path / "model").iterdir()} <= {".json", ".safetensors", ".jinja"}


@pytest.mark.slow
def test_no_right_rationale_is_an_error_that_says_what_to_do(llm, judged, tmp_path):
    contracts.write([rationale(predicted_label="Irrelevant")], contracts.RATIONALES, tmp_path / "rationales")
    with pytest.raises(ValueError, match="none of 1 rationales ends in the judged label: sample more"):
        sft(tmp_path / "rationales", judged, llm, CONFIG, tmp_path / "model")


@pytest.mark.slow
def test_a_row_whose_label_would_be_cut_off_is_set_aside_and_counted(s3, llm, judged, reasoned, tmp_path):
    long = [rationale(text="It is red. " * 100)]
    contracts.write(
        contracts.read(contracts.RATIONALES, reasoned) + long, contracts.RATIONALES, tmp_path / "rationales"
    )
    said = sft(tmp_path / "rationales", judged, llm, replace(CONFIG, max_steps=1), tmp_path / "model")
    assert (said["rows_out"], said["set_aside_why"]["longer than max_length"]) == (10, 1)


@pytest.mark.slow
def test_no_row_that_fits_is_an_error_that_names_the_setting(llm, judged, reasoned, tmp_path):
    with pytest.raises(ValueError, match="none of 10 rows fits in sft_config's max_length 32: raise it"):
        sft(reasoned, judged, llm, replace(CONFIG, max_length=32), tmp_path / "model")


@pytest.mark.slow
def test_without_exemplars_the_teacher_starts_as_the_base_model(llm, judged, tmp_path):
    write_exemplars(judged, 0, tmp_path / "none")
    said = start(tmp_path / "none", judged, str(llm), CONFIG, tmp_path / "model")
    assert said["rows_out"] == 0 and "curve" not in said
    assert json.loads((tmp_path / "model" / "config.json").read_text())["num_hidden_layers"] == 2


@pytest.mark.slow
def test_with_exemplars_the_teacher_is_tuned_on_them_and_they_are_counted(s3, llm, judged, tmp_path):
    write_exemplars(judged, 4, tmp_path / "exemplars")
    said = start(tmp_path / "exemplars", judged, str(llm), SftConfig(rank=2, max_steps=1), tmp_path / "model")
    assert said["exemplars"] == 4 and said["figure"].startswith("cold start, loss ")


@pytest.mark.slow
def test_at_rank_0_all_weights_are_tuned(s3, llm, judged, reasoned, tmp_path):
    sft(reasoned, judged, llm, replace(CONFIG, rank=0, max_steps=3), tmp_path / "model")
    before, after = (load_file(folder / "model.safetensors") for folder in (llm, tmp_path / "model"))
    assert before.keys() == after.keys() and not torch.equal(before[EMBEDDING], after[EMBEDDING])

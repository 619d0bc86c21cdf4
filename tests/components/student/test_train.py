"""Training: whole queries are chosen, batches hold every pair once, and a tiny student learns a tiny task."""

import json
from dataclasses import replace

import numpy as np
import pytest

from components import contracts
from components.student.model import LrkdConfig
from components.student.train import Batches, chosen, embeddings_by_pair, train
from tests.components.student.conftest import EMBEDDING, embedding_rows, training_rows


def queries(rows: list[dict]) -> set[str]:
    return {row["query_id"] for row in rows}


def test_the_temperature_is_fitted_on_whole_queries_that_are_not_trained_on():
    trained, held_out = chosen(training_rows(200), LrkdConfig(calibration_share=0.2))
    assert not queries(trained) & queries(held_out) and len(trained) + len(held_out) == 600
    assert 0.1 < len(held_out) / 600 < 0.3 and {row["split"] for row in trained + held_out} == {"train"}


def test_half_of_the_train_queries_are_the_same_half_every_time_and_a_part_of_all():
    half, again = (queries(chosen(training_rows(200), LrkdConfig(train_share=0.5))[0]) for _ in range(2))
    whole = queries(chosen(training_rows(200), LrkdConfig())[0])
    assert half == again and half < whole and 0.4 < len(half) / len(whole) < 0.6


def test_a_pair_with_two_rationales_is_aligned_to_their_mean(tmp_path):
    row, *_ = embedding_rows(training_rows(1))
    rows = [row | {"embedding": vector} for vector in ([1.0, 0.0], [0.0, 3.0])]
    contracts.write(rows, contracts.RATIONALE_EMBEDDINGS, tmp_path / "embeddings")
    assert embeddings_by_pair(tmp_path / "embeddings")[row["query_id"], row["item_id"]].tolist() == [0.5, 1.5]


def test_an_epoch_holds_every_pair_once_with_its_own_target(config):
    from components.student.train import student_tokenizer

    rows = training_rows(5)
    targets = {(row["query_id"], row["item_id"]): np.full(2, n, np.float32) for n, row in enumerate(rows) if n % 2}
    batches = list(Batches(rows, targets, student_tokenizer(config), config).epoch())
    seen = sorted(target[0].item() for _, _, vectors, known in batches for target in vectors[known])
    assert seen == list(range(1, 20, 2)) and sum(len(labels) for _, labels, _, _ in batches) == 20
    assert max(len(labels) for _, labels, _, _ in batches) == config.batch_size


def test_without_a_train_pair_nothing_is_trained(tables, config, tmp_path):
    rows = [row | {"split": "test"} for row in training_rows(2)]
    contracts.write(rows, contracts.TRAINING_SET, tmp_path / "rows")
    with pytest.raises(ValueError, match="no train pair is left"):
        train(tmp_path / "rows", tables[1], config, tmp_path / "model")


def test_without_a_rationale_the_embedding_width_is_unknown_and_said_so(tables, config, tmp_path):
    contracts.write([], contracts.RATIONALE_EMBEDDINGS, tmp_path / "none")
    with pytest.raises(ValueError, match="none holds no rationale embedding"):
        train(tables[0], tmp_path / "none", config, tmp_path / "model")


@pytest.mark.slow
def test_training_lowers_both_terms_of_the_loss(trained):
    first, last = trained[1]["history"][:4], trained[1]["history"][-4:]
    for term in ("cross_entropy", "alignment"):
        assert sum(step[term] for step in last) < 0.8 * sum(step[term] for step in first), term


@pytest.mark.slow
def test_training_counts_every_row_and_says_why_it_was_set_aside(trained):
    said = trained[1]
    assert said["rows_in"] == 96 == said["rows_out"] + said["set_aside"]
    assert sum(said["set_aside_why"].values()) == said["set_aside"] and said["set_aside_why"]["valid"] == 24
    assert 0 < said["aligned"] < said["rows_out"] == said["aligned"] + said["not_aligned"]


@pytest.mark.slow
def test_a_trained_student_is_a_folder_without_code(trained):
    names = {path.relative_to(trained[0]).as_posix() for path in trained[0].rglob("*") if path.is_file()}
    assert names == {"model.safetensors", "tokenizer.json", "config.json", "encoder/config.json"}
    saved = json.loads((trained[0] / "config.json").read_text())
    assert saved["reasoning_width"] == EMBEDDING and saved["labels"] == list(contracts.LABELS)
    assert 0.19 < saved["temperature"] < 5.1


@pytest.mark.slow
def test_plain_cross_entropy_aligns_nothing(tables, config, tmp_path):
    said = train(*tables, replace(config, variant="cross_entropy", epochs=0.5), tmp_path)
    assert said["aligned"] == 0 and said["not_aligned"] == said["rows_out"]


@pytest.mark.slow
def test_the_same_seed_trains_the_same_student(tables, config, tmp_path):
    said = [train(*tables, replace(config, epochs=0.5), tmp_path / str(n))["history"] for n in range(2)]
    assert said[0] == said[1]


@pytest.mark.slow
def test_a_loss_that_is_no_number_stops_the_training(tables, config, tmp_path):
    with pytest.raises(ValueError, match="the loss is nan at step .*: lower learning_rate"):
        train(*tables, replace(config, head_learning_rate=float("inf")), tmp_path)

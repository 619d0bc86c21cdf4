"""Training: whole queries are chosen, every pair is an example once, and a tiny student learns a tiny task."""

import json
from dataclasses import replace

import pyarrow as pa
import pytest
import torch

from components import contracts
from components.sampling import hash_fraction
from components.student.dataset import divided, write_examples
from components.student.train import checkpoints_of, likeliest_temperature, student_tokenizer, train
from testing.student_fixtures import EMBEDDING, embedding_rows, training_rows


def queries(rows: list[dict]) -> set[str]:
    return {row["query_id"] for row in rows}


def examples(tables, config, folder) -> tuple[dict, list[dict]]:
    """What writing them said, and the examples that are trained on."""
    said = write_examples(tables, student_tokenizer(config, folder), config, folder)
    return said, pa.ipc.open_stream(folder / "train.arrow").read_all().to_pylist()


def test_the_temperature_is_fitted_on_whole_queries_that_are_not_trained_on():
    rows = [row for row in training_rows(200) if row["split"] == "train"]
    train_rows, held_out = divided(rows, 0.2).values()
    assert not queries(train_rows) & queries(held_out) and len(train_rows) + len(held_out) == 600
    assert 0.1 < len(held_out) / 600 < 0.3


def test_few_queries_move_the_temperature_less_than_many(count=4000):
    torch.manual_seed(0)
    logits = 3 * torch.randn(count, 4)
    labels = torch.distributions.Categorical(logits=logits / 2).sample()  # so that the truth is 2
    none, few, many = (likeliest_temperature(logits, labels, queries) for queries in (0, 20, count))
    assert none == pytest.approx(1, abs=0.01) and many == pytest.approx(2, abs=0.1)
    assert 1.05 < few < 1.5


def test_half_of_the_train_queries_are_the_same_half_every_time():
    half, again = (
        {row["query_id"] for row in training_rows(200) if hash_fraction(f"share\n{row['query_id']}") < 0.5}
        for _ in range(2)
    )
    assert half == again and 0.4 < len(half) / 200 < 0.6


def test_every_pair_is_an_example_once_with_its_own_target(tables, config, tmp_path):
    said, rows = examples(tables, replace(config, calibration_share=0.0), tmp_path)
    told = [max(range(EMBEDDING), key=row["target"].__getitem__) == row["label"] for row in rows if row["known"]]
    assert len(rows) == said["rows_out"] == 72 and len(told) == said["known"] == 24 and all(told)
    assert all(row["length"] == len(row["query"]) + len(row["item"]) <= config.max_length for row in rows)


def test_a_pair_with_two_rationales_is_aligned_to_their_mean(tables, config, tmp_path):
    row, *_ = embedding_rows(training_rows(1))
    told = [row | {"embedding": vector, "key": str(n)} for n, vector in enumerate(([1.0, 0.0], [0.0, 3.0]))]
    contracts.write(told, contracts.RATIONALE_EMBEDDINGS, tmp_path / "told")
    _, rows = examples((tables[0], tmp_path / "told"), replace(config, calibration_share=0.0), tmp_path)
    assert [row["target"] for row in rows if row["known"]] == [[0.5, 1.5]]


def test_the_items_tokens_do_not_depend_on_the_query(config, tmp_path):
    tokenizer = student_tokenizer(config, tmp_path)
    (short,), (long,) = tokenizer.queries(["shoe"]), tokenizer.queries(["red shoe " * 40])
    assert len(short) == 3 and len(long) == config.query_length and short[0] == long[0] and short[-1] == long[-1]
    (item,) = tokenizer.items(["blue shoe " * 40])
    assert len(item) == config.max_length - config.query_length and item[-1] == short[-1]


def test_a_query_that_leaves_no_room_for_an_item_is_refused(config, tmp_path):
    with pytest.raises(ValueError, match="query_length 23 has to leave room for an item in max_length 24"):
        student_tokenizer(replace(config, query_length=23), tmp_path)


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
def test_training_lowers_both_terms_of_the_loss(trained_student):
    first, last = trained_student[1]["history"][:4], trained_student[1]["history"][-4:]
    for term in ("cross_entropy", "alignment"):
        assert sum(step[term] for step in last) < 0.8 * sum(step[term] for step in first), term


@pytest.mark.slow
def test_training_counts_every_row_and_says_why_it_was_set_aside(trained_student):
    said = trained_student[1]
    assert said["rows_in"] == 96 == said["rows_out"] + said["set_aside"]
    assert sum(said["set_aside_why"].values()) == said["set_aside"] and said["set_aside_why"]["valid"] == 24
    assert 0 < said["aligned"] < said["rows_out"] == said["aligned"] + said["not_aligned"]


@pytest.mark.slow
def test_a_trained_student_is_a_folder_without_code(trained_student):
    names = {
        path.relative_to(trained_student[0]).as_posix() for path in trained_student[0].rglob("*") if path.is_file()
    }
    assert names == {"model.safetensors", "tokenizer.json", "config.json", "encoder/config.json"}
    saved = json.loads((trained_student[0] / "config.json").read_text())
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
    with pytest.raises(ValueError, match="the loss is (nan|inf) at step .*: lower the learning rate"):
        train(*tables, replace(config, head_learning_rate=float("inf")), tmp_path)


@pytest.mark.slow
def test_both_terms_are_logged_with_what_they_pull_at(trained_student):
    step = trained_student[1]["history"][0]
    assert step["cross_entropy_gradient"] > 0 and step["alignment_gradient"] > 0
    assert trained_student[1]["token_share"] > 0.85  # of the batches is not padding


def test_checkpoints_belong_to_one_configuration_and_its_examples(tables, config, tmp_path):
    examples(tables, config, tmp_path)
    places = {checkpoints_of(replace(config, seed=seed), tmp_path) for seed in (0, 0, 1)}
    assert len(places) == 2


@pytest.mark.slow
@pytest.mark.parametrize("variant", ["soft_labels", "auxiliary"])
def test_the_other_ways_of_distilling_train_too(tables, config, tmp_path, variant):
    said = train(*tables, replace(config, variant=variant, epochs=0.5, class_weights=1.0), tmp_path)
    assert said["aligned"] > 0 and len(said["history"]) == 5
    assert json.loads((tmp_path / "config.json").read_text())["variant"] == variant

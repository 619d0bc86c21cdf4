"""Whole queries are chosen by hash, and every pair is an example once."""

import json
from dataclasses import replace

import pyarrow as pa
import pytest

from components import contracts
from components.sampling import hash_fraction
from components.student.dataset import UNJUDGED, ExampleCounts, split_folds, write_examples
from components.student.train import save_tokenizer, train
from testing.student_fixtures import EMBEDDING, embedding_rows, training_rows


def query_ids(rows: list[dict]) -> set[str]:
    return {row["query_id"] for row in rows}


def write_all_examples(tables, config, folder) -> tuple[ExampleCounts, list[dict]]:
    """Write every train pair as an example, and return the counts and the examples."""
    counts = write_examples(tables, save_tokenizer(config, folder), config, folder, calibration_share=0.0)
    return counts, pa.ipc.open_stream(folder / "train.arrow").read_all().to_pylist()


def test_folds_share_no_query():
    rows = [row for row in training_rows(200) if row["split"] == "train"]
    train_rows, held_out = split_folds(rows, 0.2).values()
    assert not query_ids(train_rows) & query_ids(held_out)
    assert len(train_rows) + len(held_out) == 600
    assert 0.1 < len(held_out) / 600 < 0.3


def test_a_share_is_always_the_same_queries():
    halves = [
        query_ids(row for row in training_rows(200) if hash_fraction(f"share\n{row['query_id']}") < 0.5)
        for _ in range(2)
    ]
    assert halves[0] == halves[1]
    assert 0.4 < len(halves[0]) / 200 < 0.6


def test_every_pair_is_an_example_once(tables, config, tmp_path):
    counts, examples = write_all_examples(tables, config, tmp_path)
    assert len(examples) == counts.train == 72
    for example in examples:
        assert example["length"] == len(example["query"]) + len(example["item"]) <= config.max_length


def test_an_example_has_its_own_rationale(tables, config, tmp_path):
    counts, examples = write_all_examples(tables, config, tmp_path)
    with_rationale = [example for example in examples if example["has_rationale"]]
    assert len(with_rationale) == counts.with_rationale == 24
    for example in with_rationale:  # its embedding is its label's direction
        embedding = example["rationale_embedding"]
        assert embedding.index(max(embedding)) == example["label"]
        assert len(embedding) == counts.embedding_width == EMBEDDING


def test_two_rationales_are_averaged(tables, config, tmp_path):
    row, *_ = embedding_rows(training_rows(1))
    rows = [row | {"embedding": [1.0, 0.0], "key": "0"}, row | {"embedding": [0.0, 3.0], "key": "1"}]
    contracts.write(rows, contracts.RATIONALE_EMBEDDINGS, tmp_path / "embeddings")
    _, examples = write_all_examples((tables[0], tmp_path / "embeddings"), config, tmp_path)
    assert [example["rationale_embedding"] for example in examples if example["has_rationale"]] == [[0.5, 1.5]]


def test_item_tokens_do_not_depend_on_queries(config, tmp_path):
    tokenizer = save_tokenizer(config, tmp_path)
    (short,) = tokenizer.encode_queries(["shoe"])
    (long,) = tokenizer.encode_queries(["red shoe " * 40])
    (item,) = tokenizer.encode_items(["blue shoe " * 40])
    assert len(short) == 3
    assert len(long) == config.query_length
    assert (short[0], short[-1]) == (long[0], long[-1])
    assert len(item) == config.max_length - config.query_length
    assert item[-1] == short[-1]


def test_a_query_budget_without_room_is_refused(config, tmp_path):
    with pytest.raises(ValueError, match="query_length 3 has to leave room for an item in max_length 11"):
        save_tokenizer(replace(config, max_length=11), tmp_path)


def test_without_train_pairs_training_is_refused(tables, config, tmp_path):
    rows = [row | {"split": "test"} for row in training_rows(2)]
    contracts.write(rows, contracts.TRAINING_SET, tmp_path / "rows")
    with pytest.raises(ValueError, match="no train pair is left"):
        train(tmp_path / "rows", tables[1], config, tmp_path / "model")


def test_examples_to_align_need_a_rationale(tables, config, tmp_path):
    contracts.write([], contracts.RATIONALE_EMBEDDINGS, tmp_path / "none")
    with pytest.raises(ValueError, match="none holds no rationale embedding"):
        write_all_examples((tables[0], tmp_path / "none"), config, tmp_path)


@pytest.fixture
def half_judged_tables(tables, tmp_path):
    """Write the tables once more, with every second train pair unjudged."""
    rows = contracts.read(contracts.TRAINING_SET, tables[0])
    for number, row in enumerate(rows):
        if row["split"] == "train" and number % 2:
            row["label"] = None
    contracts.write(rows, contracts.TRAINING_SET, tmp_path / "half_judged")
    return tmp_path / "half_judged", tables[1]


def test_unjudged_pairs_are_aligned_alone(half_judged_tables, config, tmp_path):
    counts, examples = write_all_examples(half_judged_tables, config, tmp_path)
    unjudged = [example for example in examples if example["label"] == UNJUDGED]
    assert len(unjudged) == counts.unjudged_pairs == 12 and all(example["has_rationale"] for example in unjudged)
    assert counts.left_out["unjudged"] == 24  # without a rationale
    assert counts.train == len(examples) == 72 - 24 and counts.with_rationale == 24


def test_a_plain_student_sees_judged_pairs_alone(half_judged_tables, config, tmp_path):
    counts, _ = write_all_examples(half_judged_tables, replace(config, align_weight=0.0), tmp_path)
    assert (counts.train, counts.unjudged_pairs, counts.left_out["unjudged"]) == (36, 0, 36)


def test_the_calibration_fold_is_judged(half_judged_tables, config, tmp_path):
    write_examples(half_judged_tables, save_tokenizer(config, tmp_path), config, tmp_path, calibration_share=0.5)
    held_out = pa.ipc.open_stream(tmp_path / "held_out.arrow").read_all().to_pylist()
    assert held_out and all(example["label"] >= 0 for example in held_out)


@pytest.mark.slow
@pytest.mark.parametrize("architecture", ["cross_encoder", "late_interaction"])
def test_a_training_with_unjudged_pairs_adds_up(architecture, half_judged_tables, config, tmp_path):
    config = replace(config, architecture=architecture, epochs=1, class_weights=0.5)
    result = train(*half_judged_tables, config, tmp_path / "student")
    details = result.details
    assert result.rows_in == 96 == result.rows_out + sum(details["set_aside_why"].values())
    assert 0 < details["unjudged"] <= details["aligned"] and details["set_aside_why"]["unjudged"] > 0
    assert all(step["cross_entropy"] >= 0 for step in details["history"])
    assert (details["labelled"], details["labelled_by"], details["mean_confidence"]) == (0, [], None)


PAGE = {"query": "blue shoe", "title": "blue shoe", "locale": "us", "source": "file"}


@pytest.fixture
def unjudged_tables(tmp_path):
    """Write eight unjudged pairs, and a teacher's labels of the first six."""
    names = [{"query_id": f"u{number // 2}", "item_id": f"i{number}"} for number in range(8)]
    rows = [dict.fromkeys(contracts.UNJUDGED.names) | PAGE | name for name in names]
    label = {"label": "Complement", "confidence": 1.0, "weight": 0.5, "answers": 3, "teacher": "digest"}
    contracts.write(rows, contracts.UNJUDGED, tmp_path / "unjudged")
    contracts.write([name | label for name in names[:6]], contracts.TEACHER_LABELS, tmp_path / "labels")
    return tmp_path / "unjudged", tmp_path / "labels"


def test_a_teachers_label_is_apart_from_peoples(tables, unjudged_tables, config, tmp_path):
    counts, examples = write_all_examples((*tables, *unjudged_tables), config, tmp_path)
    labelled = [example for example in examples if example["teacher_weight"]]
    assert {(row["label"], row["teacher_label"], row["teacher_weight"]) for row in labelled} == {(UNJUDGED, 2, 0.5)}
    assert (counts.unjudged_pairs, counts.labelled_pairs, counts.left_out["unjudged"]) == (6, 6, 2)
    assert counts.train == len(examples) == 72 + 6


def test_unjudged_pairs_need_a_label_or_a_rationale(tables, unjudged_tables, config, tmp_path):
    counts, _ = write_all_examples((*tables, unjudged_tables[0], ""), config, tmp_path)
    assert (counts.train, counts.unjudged_pairs, counts.left_out["unjudged"]) == (72, 0, 8)


def test_teachers_labels_stay_out_of_calibration(tables, unjudged_tables, config, tmp_path):
    tokenizer = save_tokenizer(config, tmp_path)
    counts = write_examples((*tables, *unjudged_tables), tokenizer, config, tmp_path, calibration_share=0.9)
    held_out = pa.ipc.open_stream(tmp_path / "held_out.arrow").read_all().to_pylist()
    assert held_out and all(example["label"] >= 0 for example in held_out) and counts.left_out["unjudged"] > 0


@pytest.mark.slow
def test_labels_without_rationales_train_a_student(tables, unjudged_tables, config, tmp_path):
    contracts.write([], contracts.RATIONALE_EMBEDDINGS, tmp_path / "none")
    short = replace(config, architecture="late_interaction", epochs=0.5)
    result = train(tables[0], tmp_path / "none", short, tmp_path / "student", unjudged_tables)
    details = result.details
    assert result.rows_in == 96 + 8 == result.rows_out + sum(details["set_aside_why"].values())
    assert (details["aligned"], details["labelled_by"], details["mean_confidence"]) == (0, ["digest"], 1.0)
    assert 0 < details["labelled"] == details["unjudged"] <= 6 and "by a label that no person gave" in result.headline
    assert json.loads((tmp_path / "student" / "unjudged.json").read_text())["labelled"] == details["labelled"]

"""Comparison of a package's graphs with PyTorch."""

import json

import numpy as np
import pytest
import torch

from components import contracts
from components.packaging.export import export
from components.packaging.package import copy_parts, load_student, make_package
from components.packaging.parity import MAX_DIFFERENCE, compare_graphs, explanation_agreement
from components.packaging.quantise import quantise_graphs
from components.scoring.nearest_rationale import NearestRationale
from components.scoring.scorer import Scorer, Scores
from testing.student_fixtures import training_rows
from testing.tiny_package import write_package


@pytest.mark.slow
def test_graphs_are_compared_on_valid_pairs(cross_encoder_package):
    folder = cross_encoder_package[0]
    metrics = json.loads((folder / "metrics.json").read_text())
    assert metrics["parity_pairs"] == 24 and 0 <= metrics["parity_max_difference"] <= MAX_DIFFERENCE
    assert json.loads((folder / "config.json").read_text())["served"] == metrics["served_graph"]


@pytest.mark.slow
def test_int8_is_served_only_if_it_keeps_labels(cross_encoder_package):
    details = cross_encoder_package[1]
    keeps = details["int8_agreement"] >= 0.99 and details["int8_macro_f1_loss"] <= 0.005
    assert details["served_graph"] == ("model.int8.onnx" if keeps else "model.onnx")


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["cross_encoder_package", "late_interaction_package"])
def test_pytorch_and_onnx_give_the_same_answers(kind, request):
    folder, details = request.getfixturevalue(kind)
    assert details["parity_pairs"] == 24 and details["parity_max_difference"] <= MAX_DIFFERENCE
    assert Scorer(folder)([("red shoe", "red shoe 1")]).labels == ["Exact"]


@pytest.mark.slow
def test_an_export_that_differs_is_refused(trained_student, tmp_path):
    student, config = load_student(trained_student[0])
    graphs = quantise_graphs(tmp_path, export(student, tmp_path))
    copy_parts(trained_student[0], tmp_path)
    with torch.no_grad():
        student.classifier.bias += torch.tensor([0.0, 0.5, 0.0, 0.0])
    with pytest.raises(ValueError, match="ONNX differs from PyTorch by .*: not packaged"):
        compare_graphs(student, config, training_rows(4)[-4:], tmp_path, graphs)


@pytest.mark.slow
def test_without_a_valid_pair_nothing_is_packaged(trained_student, tables, tmp_path):
    rows = [row for row in training_rows(4) if row["split"] == "train"]
    contracts.write(rows, contracts.TRAINING_SET, tmp_path / "rows")
    with pytest.raises(ValueError, match="no pair in the split 'valid': the export cannot be checked"):
        make_package(trained_student[0], tables[1], tmp_path / "rows", tmp_path / "package")


@pytest.mark.slow
def test_slices_and_explanations_are_measured(cross_encoder_package):
    assert 0 <= cross_encoder_package[1]["explanation_agreement"] <= 1
    assert cross_encoder_package[1]["slices"]["label Exact"]["pairs"] == 6


def four_scores() -> Scores:
    return Scores(contracts.LABELS, np.eye(4, dtype=np.float32), np.eye(4, dtype=np.float32))


def test_explanations_agree_with_the_predicted_label(tmp_path):
    write_package(tmp_path / "package")  # its one rationale ends in Exact
    assert explanation_agreement(four_scores(), NearestRationale(tmp_path / "package")) == 1 / 4


def test_without_rationales_no_explanation_agrees(tmp_path):
    contracts.write([], contracts.RATIONALE_EMBEDDINGS, tmp_path / "rationales.parquet")
    assert explanation_agreement(four_scores(), NearestRationale(tmp_path)) is None

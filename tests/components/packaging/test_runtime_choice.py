"""A package serves the fastest runtime that keeps the labels, and says which one that is."""

import json
import logging

import numpy as np
import pytest

from components.packaging import parity, static_int8
from components.packaging.package import make_package
from components.packaging.parity import GraphResult, choose
from components.packaging.quantise import Graphs
from components.packaging.runtime_choice import ServingOption, openvino_options
from components.scoring import openvino_runtime
from components.scoring.runtime import Graph
from components.scoring.scorer import Scorer

PAIRS = [("red shoe", "red shoe 1"), ("red shoe", "garden hose 2"), ("really red shoe", "shoe laces 3")]
FP32 = ServingOption("interaction.onnx")
INT8 = ServingOption("interaction.int8.onnx")
BF16 = ServingOption("interaction.onnx", "openvino", "bf16")


def result(option: ServingOption, agreement: float) -> GraphResult:
    predictions = [{"label": "Exact", "predicted_label": "Exact", "probabilities": [1, 0, 0, 0]}]
    return GraphResult(option, None, None, predictions, 0.0, agreement)


@pytest.fixture
def choose_with_times(monkeypatch):
    """Choose between options of known times, in milliseconds by name."""

    def choose_option(results: list[GraphResult], cpu_ms: dict[str, float]) -> ServingOption:
        monkeypatch.setattr(parity, "request_cpu_ms", lambda scorers, rows: {name: cpu_ms[name] for name in scorers})
        return choose(result(FP32, 1.0), results, [])[0].option

    return choose_option


@pytest.mark.parametrize(("bf16_ms", "served"), [(89, BF16), (91, INT8)])
def test_a_rival_has_to_be_clearly_faster(choose_with_times, bf16_ms, served):
    results = [result(INT8, 0.99), result(BF16, 0.99)]
    assert choose_with_times(results, {INT8.name: 100, BF16.name: bf16_ms}) == served


def test_a_rival_that_changes_labels_is_not_timed(choose_with_times):
    assert choose_with_times([result(INT8, 0.99), result(BF16, 0.97)], {}) == INT8


def test_int8_that_changes_labels_is_not_served(choose_with_times):
    results = [result(INT8, 0.97), result(BF16, 0.99)]
    assert choose_with_times(results, {FP32.name: 100, BF16.name: 50}) == BF16
    assert choose_with_times(results[:1], {}) == FP32


def test_a_cross_encoder_stays_in_onnx_runtime():
    assert openvino_options(Graphs("model.onnx", "model.int8.onnx")) == []


@pytest.fixture(scope="module")
def openvino_package(late_interaction_student, tables, tmp_path_factory):
    """A package for which OpenVINO counts as faster, whatever the clock says."""
    pytest.importorskip("openvino", reason="the extra 'openvino' is not installed")
    folder = tmp_path_factory.mktemp("openvino_package")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(static_int8, "is_installed", lambda: False)
        patch.setattr(parity, "MAX_SHARE", 1000)
        times = {"onnxruntime": 2.0, "openvino": 1.0}
        patch.setattr(parity, "request_cpu_ms", lambda scorers, _: {name: times[name.split()[0]] for name in scorers})
        return folder, make_package(late_interaction_student, tables[1], tables[0], folder).details


@pytest.mark.slow
def test_the_package_states_its_runtime(openvino_package):
    folder, details = openvino_package
    config = json.loads((folder / "config.json").read_text())
    assert config["runtime"] == details["runtime"] == "openvino"
    assert config["precision"] in openvino_runtime.PRECISIONS and config["served"] == "interaction.onnx"
    assert f"Served: interaction.onnx by openvino in {config['precision']}" in (folder / "model_card.md").read_text()


@pytest.mark.slow
def test_without_openvino_the_package_answers_alike(openvino_package, monkeypatch, caplog):
    expected = Scorer(openvino_package[0])
    expected.precomputed_items.rows.clear()
    monkeypatch.setattr(openvino_runtime, "is_installed", lambda: False)
    with caplog.at_level(logging.WARNING):
        scorer = Scorer(openvino_package[0])
    scorer.precomputed_items.rows.clear()
    assert isinstance(scorer.runtime.encoder, Graph) and "OpenVINO, which is not installed" in caplog.text
    assert scorer(PAIRS).labels == expected(PAIRS).labels
    assert np.abs(scorer(PAIRS).probabilities - expected(PAIRS).probabilities).max() < 0.05


@pytest.mark.slow
def test_without_bf16_openvino_computes_in_f32(openvino_package, monkeypatch, caplog):
    monkeypatch.setattr(openvino_runtime, "supports", lambda precision: False)
    with caplog.at_level(logging.WARNING):
        scorer = Scorer(openvino_package[0])
    assert "which this processor lacks: OpenVINO computes in f32" in caplog.text
    assert scorer(PAIRS).labels == Scorer(openvino_package[0])(PAIRS).labels

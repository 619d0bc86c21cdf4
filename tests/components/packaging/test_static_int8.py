"""A static int8 encoder is calibrated on texts as they are served, and both runtimes read it."""

import os

import numpy as np
import onnx
import pytest

from components.packaging.export import encoder_graph, write_graph
from components.packaging.static_int8 import calibration_arrays, quantise_static
from components.scoring.onnx_runtime import Graph
from components.scoring.openvino_runtime import OpenVinoGraph
from components.scoring.runtime import ITEM, LateInteractionRuntime
from components.scoring.tokenizer import PairTokenizer
from components.student.config import LrkdConfig
from components.student.model import new_student
from testing.student_fixtures import training_rows

ROWS = [row for row in training_rows(12) if row["split"] == "train"]


@pytest.fixture(scope="module")
def tokenizer(encoder) -> PairTokenizer:
    return PairTokenizer(f"{encoder}/tokenizer.json", 30, 10)


def encode(graph, items) -> np.ndarray:
    encodings = LateInteractionRuntime(graph, None, None, mean_only=True).encode_separately(items, ITEM)
    return np.concatenate([item.states for item in encodings])


def test_queries_and_items_are_calibrated_on(tokenizer):
    arrays = calibration_arrays(ROWS, tokenizer)
    assert {int(batch["token_type_ids"].max()) for batch in arrays} == {0, 1}
    texts = sum(int(batch["attention_mask"].max(1).sum()) for batch in arrays)
    assert texts == len(ROWS) + len({row["query"] for row in ROWS})


@pytest.mark.slow
def test_both_runtimes_read_the_static_graph(encoder, tokenizer, tmp_path):
    pytest.importorskip("nncf", reason="the extra 'nncf' is not installed")
    path = tmp_path / "encoder.onnx"
    write_graph(encoder_graph(new_student(LrkdConfig(encoder=encoder, architecture="late_interaction"), 6)), path)
    static = quantise_static(path, calibration_arrays(ROWS, tokenizer))
    assert os.environ["NNCF_CI"] == "1" and static.name == "encoder.static.onnx"
    assert "QuantizeLinear" in {node.op_type for node in onnx.load(static, load_external_data=False).graph.node}
    items = tokenizer.encode_items([row["title"] for row in ROWS])
    expected = encode(Graph(path, 1), items)
    for graph in (Graph(static, 1), OpenVinoGraph(static, "f32")):
        assert np.abs(encode(graph, items) - expected).max() < 0.2 * np.abs(expected).max()

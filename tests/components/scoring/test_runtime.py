"""A package's graphs read the arrays that they name, in the runtime that there is."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from components.scoring import openvino_runtime
from components.scoring.onnx_runtime import Graph
from components.scoring.package_config import read_config
from components.scoring.pair_arrays import stack_vectors
from components.scoring.runtime import CrossEncoderRuntime, Item, LateInteractionRuntime, load_encoder
from components.scoring.tokenizer import LEXICAL_FEATURES, PairTokenizer
from testing.tiny_package import copy_package, write_package

COUNT = len(LEXICAL_FEATURES)
TOKENS = ("input_ids", "attention_mask", "token_type_ids")


@pytest.fixture
def tokenizer(encoder) -> PairTokenizer:
    return PairTokenizer(f"{encoder}/tokenizer.json", 24, 10)


def save_graph(path, nodes: list, inputs: list, outputs: list) -> None:
    graph = helper.make_graph(nodes, "tiny", inputs, outputs)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)


def floats(name: str, *shape):
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def test_a_graph_reads_the_lexical_features(tokenizer, tmp_path):
    nodes = [helper.make_node("Identity", ["overlap"], [name]) for name in ("logits", "hidden")]
    outputs = [floats(name, "pairs", COUNT) for name in ("logits", "hidden")]
    save_graph(tmp_path / "model.onnx", nodes, [floats("overlap", "pairs", COUNT)], outputs)
    queries = tokenizer.encode_queries(["red shoe"])
    items = tokenizer.encode_items(["red shoe 42"])
    logits, _ = CrossEncoderRuntime(tmp_path / "model.onnx", tokenizer, 1)(queries, [Item(ids) for ids in items])
    assert np.array_equal(logits, tokenizer.lexical_features(queries, items))


@pytest.fixture
def two_graphs(tmp_path):
    """An encoder whose states are the token ids, and an interaction that adds up the states of a pair."""
    ids = [helper.make_tensor_value_info(name, TensorProto.INT64, ["B", "T"]) for name in TOKENS]
    cast = helper.make_node("Cast", ["input_ids"], ["ids"], to=TensorProto.FLOAT)
    axis = helper.make_node("Constant", [], ["axis"], value_ints=[2])
    states = helper.make_node("Unsqueeze", ["ids", "axis"], ["states"])
    save_graph(tmp_path / "encoder.onnx", [cast, axis, states], ids, [floats("states", "B", "T", 1)])
    total = helper.make_node("ReduceSum", ["states", "axes"], ["logits"], keepdims=0)
    axes = helper.make_node("Constant", [], ["axes"], value_ints=[1])
    hidden = helper.make_node("Identity", ["logits"], ["hidden"])
    outputs = [floats(name, "B", 1) for name in ("logits", "hidden")]
    save_graph(tmp_path / "interaction.onnx", [axes, total, hidden], [floats("states", "B", "T", 1)], outputs)
    return tmp_path / "interaction.onnx"


def load_two_graphs(path, tokenizer, mean_only: bool) -> LateInteractionRuntime:
    return LateInteractionRuntime(Graph(path.with_name("encoder.onnx"), 1), Graph(path, 1), tokenizer, mean_only)


@pytest.mark.parametrize(("mean_only", "sums"), [(False, [1 + 2 + 10 + 20, 3 + 10 + 20]), (True, [1.5 + 15, 3 + 15])])
def test_sides_are_encoded_separately(two_graphs, tokenizer, mean_only, sums):
    items = [Item([10, 20])] * 2
    logits, _ = load_two_graphs(two_graphs, tokenizer, mean_only)([[1, 2], [3]], items)
    assert logits[:, 0].tolist() == sums


def test_an_item_with_states_is_not_encoded_again(two_graphs, tokenizer):
    item = Item([10, 20], states=np.array([[5.0]], np.float16))
    logits, _ = load_two_graphs(two_graphs, tokenizer, True)([[1]], [item])
    assert logits[:, 0].tolist() == [6]


def openvino_config(tmp_path, **changes):
    write_package(tmp_path / "package")
    return read_config(copy_package(tmp_path / "package", tmp_path / "copy", runtime="openvino", **changes))


def test_without_openvino_the_same_graph_is_read(two_graphs, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(openvino_runtime, "find_spec", lambda name: None)
    encoder = load_encoder(two_graphs.with_name("encoder.onnx"), openvino_config(tmp_path), 1)
    assert isinstance(encoder, Graph)
    assert "made for OpenVINO, which is not installed: ONNX Runtime reads encoder.onnx" in caplog.text


def test_an_unknown_runtime_is_refused(tmp_path):
    write_package(tmp_path / "package")
    with pytest.raises(ValueError, match="names the runtime 'tvm'; this release has onnxruntime, openvino"):
        read_config(copy_package(tmp_path / "package", tmp_path / "copy", runtime="tvm"))


def test_vectors_are_stacked_with_zeros_behind():
    texts = [np.ones((1, 2), np.float16), np.full((2, 2), 3, np.float16)]
    assert stack_vectors(texts).tolist() == [[[1, 1], [0, 0]], [[3, 3], [3, 3]]]

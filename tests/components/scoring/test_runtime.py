"""A package's graphs read the arrays that they name."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from components.scoring.runtime import CrossEncoderRuntime, Item, LateInteractionRuntime
from components.scoring.tokenizer import LEXICAL_FEATURES, PairTokenizer

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


@pytest.mark.parametrize(("mean_only", "sums"), [(False, [1 + 2 + 10 + 20, 3 + 10 + 20]), (True, [1.5 + 15, 3 + 15])])
def test_sides_are_encoded_separately(two_graphs, tokenizer, mean_only, sums):
    items = [Item([10, 20])] * 2
    logits, _ = LateInteractionRuntime(two_graphs, tokenizer, 1, mean_only)([[1, 2], [3]], items)
    assert logits[:, 0].tolist() == sums


def test_an_item_with_states_is_not_encoded_again(two_graphs, tokenizer):
    item = Item([10, 20], states=np.array([[5.0]], np.float16))
    logits, _ = LateInteractionRuntime(two_graphs, tokenizer, 1, True)([[1]], [item])
    assert logits[:, 0].tolist() == [6]

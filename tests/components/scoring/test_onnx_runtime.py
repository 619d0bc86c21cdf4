"""A package's graphs: those of an earlier release are asked as they were made."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from components.scoring.onnx_runtime import Graph
from components.scoring.tokenizer import OVERLAPS, PairTokenizer


@pytest.fixture
def tokenizer(encoder) -> PairTokenizer:
    return PairTokenizer(f"{encoder}/tokenizer.json", 24, 10)


@pytest.mark.parametrize("count", [8, len(OVERLAPS)])
def test_a_graph_is_given_as_many_numbers_on_the_tokens_as_it_reads(tokenizer, tmp_path, count):
    said = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["pairs", count]) for name in ("logits", "reasoning")
    ]
    read = helper.make_tensor_value_info("overlap", TensorProto.FLOAT, ["pairs", count])
    nodes = [helper.make_node("Identity", ["overlap"], [each.name]) for each in said]
    model = helper.make_model(
        helper.make_graph(nodes, "earlier", [read], said), opset_imports=[helper.make_opsetid("", 17)], ir_version=8
    )
    onnx.save(model, tmp_path / "graph.onnx")
    queries, items = tokenizer.queries(["red shoe"]), tokenizer.items(["red shoe 42"])
    logits, _ = Graph(tmp_path / "graph.onnx", 1, tokenizer).of_pairs({}, queries, items)
    assert np.array_equal(logits, tokenizer.overlaps(queries, items)[:, :count])

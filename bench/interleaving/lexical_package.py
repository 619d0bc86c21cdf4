"""A student package without an encoder: a linear head over a pair's lexical features, sound or damaged.

It is a real package, and costs the servers next to nothing. A damaged head has some of its weights' signs turned.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.normalizers import Lowercase
from tokenizers.pre_tokenizers import Whitespace
from tokenizers.processors import TemplateProcessing

from components import contracts
from components.scoring.tokenizer import LEXICAL_FEATURES
from testing.tiny_package import INPUTS, write_parts

SPECIAL = ("[UNK]", "[CLS]", "[SEP]")
WEIGHTS = {
    "share of the query's tokens that the item has": 4.0,
    "the last of them": 1.0,
    "share of the query's neighbours that are neighbours in the item": 1.0,
    "share of the query's tokens that the item's first sixteen have": 2.0,
}
DAMAGED = ("the last of them", "share of the query's neighbours that are neighbours in the item")
DAMAGED += ("share of the query's tokens that the item's first sixteen have",)
BIAS = -3.0  # of Exact, so that an item which shares nothing with the query is irrelevant


def write_lexical_package(folder: Path, texts: Sequence[str], is_damaged: bool = False) -> str:
    """Write a package that knows the words of some texts, and return its version."""
    return write_parts(folder, build_graph(head_weights(is_damaged)), build_tokenizer(texts), max_length=96)


def head_weights(is_damaged: bool) -> np.ndarray:
    """Return the head, features by labels: it tells Exact from all others."""
    weights = np.zeros((len(LEXICAL_FEATURES), len(contracts.LABELS)), np.float32)
    for name, weight in WEIGHTS.items():
        weights[LEXICAL_FEATURES.index(name), 0] = -weight if is_damaged and name in DAMAGED else weight
    return weights


def build_graph(head: np.ndarray) -> onnx.ModelProto:
    """Build a graph whose logits are linear in the lexical features, and are its hidden vector, too."""
    bias = np.array([BIAS, 0, 0, 0], np.float32)
    nodes = [
        helper.make_node("MatMul", ["overlap", "head"], ["products"]),
        helper.make_node("Add", ["products", "bias"], ["logits"]),
        helper.make_node("Identity", ["logits"], ["hidden"]),
    ]
    takes = [helper.make_tensor_value_info(name, TensorProto.INT64, ["B", "T"]) for name in INPUTS]
    takes.append(helper.make_tensor_value_info("overlap", TensorProto.FLOAT, ["B", len(head)]))
    gives = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["B", 4]) for name in ("logits", "hidden")]
    constants = [numpy_helper.from_array(head, "head"), numpy_helper.from_array(bias, "bias")]
    graph = helper.make_graph(nodes, "lexical", takes, gives, constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)


def build_tokenizer(texts: Sequence[str]) -> Tokenizer:
    """Return a tokenizer of whole words, with the special tokens that pairs are cut by."""
    words = sorted({word for text in texts for word, _ in Whitespace().pre_tokenize_str(text.lower())})
    tokenizer = Tokenizer(WordLevel({word: number for number, word in enumerate((*SPECIAL, *words))}, "[UNK]"))
    tokenizer.normalizer = Lowercase()
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.post_processor = TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)])
    return tokenizer

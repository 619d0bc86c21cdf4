"""The student as ONNX graphs: one of a cross-encoder, two of late interaction.

B pairs, T tokens, H encoder width, D token width. Every graph takes any number of pairs of any length.
"""

import warnings
from copy import deepcopy
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from components.contracts import LABELS
from components.packaging.page_interaction import PageInteraction
from components.scoring.tokenizer import LEXICAL_FEATURES
from components.student.cross_encoder import CrossEncoderStudent
from components.student.encoder import encode
from components.student.late_interaction import LateInteractionStudent
from components.student.layers import ConcatLinear
from components.student.model import Student

OPSET = 17
TOKENS = ("input_ids", "attention_mask", "token_type_ids")
OUTPUTS = ("logits", "hidden")  # hidden: what the extractor's last layer reads
PAIRS_AND_TOKENS = {0: "pairs", 1: "tokens"}
DYNAMIC_AXES = {
    **dict.fromkeys((*TOKENS, "position_ids", "states", "vectors"), PAIRS_AND_TOKENS),
    "query_means": {0: "queries"},
    "query_vectors": {0: "queries", 1: "query_tokens"},
    "item_means": {0: "pairs"},
    "item_vectors": {0: "pairs", 1: "item_tokens"},
    **dict.fromkeys((*OUTPUTS, "overlap"), {0: "pairs"}),
}


class GraphSpec(NamedTuple):
    """A model to trace, with example inputs by name and the names of its outputs."""

    model: nn.Module
    inputs: dict[str, Tensor]
    outputs: tuple[str, ...]


class SideEncoder(nn.Module):
    """Encodes queries or items: states (B, T, H) and vectors (B, T, D).

    A row may hold several texts: the mask numbers them from 1, and each attends to itself alone.
    """

    def __init__(self, student: LateInteractionStudent):
        super().__init__()
        self.student = student

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor, position_ids: Tensor
    ) -> tuple[Tensor, Tensor]:
        is_visible = attention_mask.unsqueeze(1) == attention_mask.unsqueeze(2)  # (B, T, T)
        states = encode(self.student.encoder, input_ids, token_type_ids, position_ids, is_visible)
        vectors = self.student.late_interaction.token_vectors(states, attention_mask, attention_mask)
        is_cls = (token_type_ids == 0) & (position_ids == 0)  # (B, T)
        return states, vectors * ~is_cls.unsqueeze(-1)


def export(student: Student, folder: Path) -> str:
    """Write the student's graphs, and return the name of the last one.

    It gives the logits, and `hidden`, what the extractor's last layer reads: see `fold_output_layer`.
    """
    student = fold_output_layer(student)
    if isinstance(student, CrossEncoderStudent):
        write_graph(GraphSpec(student, example_tokens(), OUTPUTS), folder / "model.onnx")
        return "model.onnx"
    write_graph(encoder_graph(student), folder / "encoder.onnx")
    write_graph(interaction_graph(student), folder / "interaction.onnx")
    return "interaction.onnx"


def encoder_graph(student: LateInteractionStudent) -> GraphSpec:
    """Return the graph that encodes queries and items, traced with two texts a row."""
    tokens = example_tokens()
    positions = torch.tensor([[0, 1, 2, 0, 1, 2, 3, 4]] * 2)
    inputs = tokens | {"attention_mask": 1 + tokens["token_type_ids"], "position_ids": positions}
    return GraphSpec(SideEncoder(student), inputs, ("states", "vectors"))


def interaction_graph(student: LateInteractionStudent) -> GraphSpec:
    """Return the graph that compares one query with items, or as many of both."""
    width = student.encoder.config.hidden_size
    token_width = student.late_interaction.projection.out_features
    inputs = {
        "query_means": torch.randn(1, width),
        "query_vectors": torch.randn(1, 3, token_width),
        "item_means": torch.randn(2, width).half(),
        "item_vectors": torch.randn(2, 8, token_width).half(),
        "overlap": torch.zeros(2, len(LEXICAL_FEATURES)),
    }
    return GraphSpec(PageInteraction(student), inputs, OUTPUTS)


def example_tokens() -> dict[str, Tensor]:
    """Return two pairs to trace with, of three query tokens and five item tokens."""
    ids = torch.ones(2, 8, dtype=torch.long)
    segments = torch.tensor([[0, 0, 0, 1, 1, 1, 1, 1]] * 2)
    return {"input_ids": ids, "attention_mask": ids, "token_type_ids": segments}


def fold_output_layer(student: Student) -> Student:
    """Return a copy whose head has the extractor's last layer multiplied into it.

    Both are linear, so the logits are the same. The reasoning is one product away: `reasoning.ReasoningProjection`.
    """
    student = deepcopy(student)
    last = student.extractor.out  # X to E
    head = student.classifier
    student.extractor.out = nn.Identity()
    pair_weight, reasoning_weight = head.weight.split([head.in_features - last.out_features, last.out_features], -1)
    student.classifier = ConcatLinear([*head.widths[:-1], last.in_features], len(LABELS))
    weight = torch.cat([pair_weight, reasoning_weight @ last.weight], -1)  # (C, ... + X)
    student.classifier.load_state_dict({"weight": weight, "bias": head.bias + reasoning_weight @ last.bias})
    return student


def write_graph(graph: GraphSpec, path: Path) -> None:
    """Write the graph that tracing gives.

    The TorchScript exporter takes 2 s where the newer one takes minutes.
    """
    names = [*graph.inputs, *graph.outputs]
    options = {"opset_version": OPSET, "dynamo": False}
    options |= {"input_names": list(graph.inputs), "output_names": list(graph.outputs)}
    options |= {"dynamic_axes": {name: DYNAMIC_AXES[name] for name in names}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", torch.jit.TracerWarning)
        warnings.filterwarnings("ignore", "Exporting aten::index", UserWarning)  # the mask; parity is checked
        torch.onnx.export(graph.model.eval(), tuple(graph.inputs.values()), str(path), **options)
    externalize_weights(path)


def externalize_weights(graph: Path) -> None:
    """Move a graph's weights into a file of their own, `NAME_data`.

    ONNX Runtime maps that file and reads what a request needs: loading peaks at half the memory and takes half the
    time (2026-11).
    """
    import onnx

    weights = graph.with_name(f"{graph.name}_data")
    weights.unlink(missing_ok=True)  # onnx.save appends to a file that exists
    onnx.save(onnx.load(graph), graph, save_as_external_data=True, location=weights.name)

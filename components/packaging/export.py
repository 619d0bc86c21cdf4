"""The student as ONNX graphs: one, or, of a student that reads query and item apart first, one for each part.

B pairs, T tokens, H encoder width. Every graph takes any number of pairs of any length.
"""

import warnings
from copy import deepcopy
from pathlib import Path

import torch
from torch import Tensor, nn

from components.contracts import LABELS
from components.scoring.tokenizer import LEXICAL_FEATURES
from components.student.extractors import LinearOfParts
from components.student.model import Student

OPSET = 17
TOKENS = ("input_ids", "attention_mask", "token_type_ids")
GIVES = ("logits", "hidden")
SIDES = ("query", "item")


class Apart(nn.Module):
    """Token ids of queries or of items to their states at the join, and to vectors where tokens are matched."""

    def __init__(self, student: Student):
        super().__init__()
        self.student = student

    def forward(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor) -> tuple[Tensor, ...]:
        positions, matcher = self.student.positions(attention_mask, token_type_ids), self.student.matcher
        states = self.student.apart(input_ids, attention_mask, token_type_ids, positions)  # (B, T, H)
        return (states, matcher.vectors(states, attention_mask, token_type_ids)) if matcher else (states,)


class Together(nn.Module):
    """What `takes` names of pairs at the join, to logits and what the extractor makes of them."""

    def __init__(self, student: Student, takes: tuple[str, ...]):
        super().__init__()
        self.student, self.takes = student, takes

    def forward(self, *given: Tensor) -> tuple[Tensor, Tensor]:
        return self.student.together(**dict(zip(self.takes, given, strict=True)))


def export(student: Student, folder: Path) -> str:
    """Write the student's graphs to `folder`; the name of the one that says the label.

    Beside the logits that gives `hidden`, what the extractor's last layer reads: see `folded`.
    """
    student = folded(student)
    ids = torch.ones(2, 8, dtype=torch.long)
    sides = torch.tensor([[0, 0, 0, 1, 1, 1, 1, 1]] * 2)
    reads = {"overlap": torch.zeros(2, len(LEXICAL_FEATURES))} if student.overlap else {}
    if not student.join_layer:
        takes = (*TOKENS, *reads)
        write(student, (ids, ids, sides, *reads.values()), takes, GIVES, folder / "model.onnx")
        return "model.onnx"
    gives = ("states", "vectors") if student.matcher else ("states",)
    write(Apart(student), (ids, ids, sides), TOKENS, gives, folder / "encoder.onnx")
    reads |= vectors_of(student)
    states = torch.randn(2, 8, student.encoder.config.hidden_size)
    takes = ("states", *TOKENS[1:], *reads)
    example = (states, ids, sides, *reads.values())
    write(Together(student, takes), example, takes, GIVES, folder / "interaction.onnx")
    return "interaction.onnx"


def vectors_of(student: Student) -> dict[str, Tensor]:
    """An example of both sides' vectors, by the names under which they are read; none where no tokens are matched."""
    if not student.matcher:
        return {}
    return {f"{side}_vectors": torch.randn(2, 8, student.matcher.narrow.out_features) for side in SIDES}


def folded(student: Student) -> Student:
    """A copy that says the same label without the extractor's last layer: that is multiplied into the head.

    Both are linear. The reasoning itself is then one product away, for whoever asks for it: `reasoning.LastLayer`.
    """
    student = deepcopy(student)
    last, student.extractor.out = student.extractor.out, nn.Identity()
    if student.variant == "auxiliary":  # its head does not read it
        return student
    head = student.classifier
    pair, reasoning = head.weight.split([head.in_features - last.out_features, last.out_features], -1)
    student.classifier = LinearOfParts([*head.widths[:-1], last.in_features], len(LABELS))
    weights = {"weight": torch.cat([pair, reasoning @ last.weight], -1), "bias": head.bias + reasoning @ last.bias}
    student.classifier.load_state_dict(weights)
    return student


def write(model: nn.Module, example: tuple, takes: tuple, gives: tuple, path: Path) -> None:
    """Write one graph, by the TorchScript exporter: 2 s where the other takes minutes."""
    axes = {name: {0: "pairs", 1: "tokens"} for name in (*TOKENS, "states", "vectors")}
    axes |= {f"{side}_vectors": {0: "pairs", 1: f"{side}_tokens"} for side in SIDES}
    axes |= {name: {0: "pairs"} for name in (*GIVES, "overlap")}
    options = {"input_names": list(takes), "output_names": list(gives), "opset_version": OPSET, "dynamo": False}
    axes = {name: axis for name, axis in axes.items() if name in takes + gives}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", torch.jit.TracerWarning)
        warnings.filterwarnings("ignore", "Exporting aten::index", UserWarning)  # the mask; parity is checked
        torch.onnx.export(model.eval(), example, str(path), dynamic_axes=axes, **options)
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

"""The student as ONNX graphs: one, or, of a student that reads query and item apart first, one for each part; and int8.

B pairs, T tokens, H encoder width. Every graph takes any number of pairs of any length.
"""

import shutil
import warnings
from copy import deepcopy
from pathlib import Path

import torch
from torch import Tensor, nn

from components.contracts import LABELS
from components.scoring.tokenizer import OVERLAPS
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
    reads = {"overlap": torch.zeros(2, len(OVERLAPS))} if student.overlap else {}
    if not student.join_layer:
        takes = (*TOKENS, *reads)
        write(student, (ids, ids, sides, *reads.values()), takes, GIVES, folder / "model.onnx")
        return "model.onnx"
    gives = ("states", "vectors") if student.matcher else ("states",)
    write(Apart(student), (ids, ids, sides), TOKENS, gives, folder / "apart.onnx")
    reads |= vectors_of(student)
    states = torch.randn(2, 8, student.encoder.config.hidden_size)
    takes = ("states", *TOKENS[1:], *reads)
    example = (states, ids, sides, *reads.values())
    write(Together(student, takes), example, takes, GIVES, folder / "together.onnx")
    return "together.onnx"


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
    beside(path)


def beside(graph: Path) -> None:
    """Put a graph's weights into a file of their own, `NAME_data`.

    That ONNX Runtime maps, and reads of it what a request needs: loading peaks at half the memory, and takes half the
    time (2026-11).
    """
    import onnx

    weights = graph.with_name(f"{graph.name}_data")
    weights.unlink(missing_ok=True)  # to what is there it would add
    onnx.save(onnx.load(graph), graph, save_as_external_data=True, location=weights.name)


def quantise(graph: Path) -> Path:
    """Write the dynamic int8 graph beside the fp32 one; its path.

    Weights are signed, for which processors with VNNI have an instruction (half the time of unsigned ones); of seven
    bits, since the instruction of those without it saturates at eight; and scaled per output channel.
    """
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    out = graph.with_suffix(".int8.onnx")
    quantize_dynamic(
        graph,
        out,
        weight_type=QuantType.QInt8,
        per_channel=True,
        reduce_range=True,
        op_types_to_quantize=["MatMul", "Gemm"],
        nodes_to_exclude=kept(onnx.load(graph, load_external_data=False)),
        extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT},
    )
    beside(out)
    return out


def as_it_is(graph: Path) -> Path:
    """Write a graph under its int8 name without a change, its weights where they are; its path.

    So it is with the head of a student that reads query and item apart throughout: it takes a hundredth of the time of
    reading an item, and in int8 it changed 4% of the labels, where reading in int8 changed 0.2% (marketplace, 2026-11).
    """
    return shutil.copy(graph, graph.with_suffix(".int8.onnx"))


def kept(model) -> list[str]:
    """Names of the products that stay in full precision.

    Those with a constant of other than two dimensions do not load per channel; matching tokens takes hardly any time.
    """
    odd = {constant.name for constant in model.graph.initializer if len(constant.dims) != 2}
    products = [node for node in model.graph.node if node.op_type in ("MatMul", "Gemm")]
    return [node.name for node in products if "/matcher/" in node.name or odd & {*node.input[:2]}]

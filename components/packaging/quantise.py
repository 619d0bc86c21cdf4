"""Dynamic int8 graphs of a package, and which graphs it keeps."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from components.packaging.export import externalize_weights
from components.scoring.runtime import encoder_name


@dataclass(frozen=True)
class Graphs:
    """File names of the versions of the graph that gives the label."""

    fp32: str
    int8: str
    static: str | None = None  # None where OpenVINO is not tried


def quantise_graphs(folder: Path, graph: str) -> Graphs:
    """Write the int8 graphs of a package whose label comes from `graph`."""
    if graph != "interaction.onnx":
        return Graphs(graph, quantise(folder / graph).name)
    quantise(folder / "encoder.onnx")
    return Graphs(graph, copy_unquantized(folder / graph).name)


def quantise(graph: Path) -> Path:
    """Write the dynamic int8 graph beside the fp32 one and return its path.

    Weights are signed, for which processors with VNNI have an instruction (half the time of unsigned ones). They have
    seven bits, since the instruction of processors without it saturates at eight, and a scale per output channel.
    """
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    out = int8_path(graph)
    quantize_dynamic(
        graph,
        out,
        weight_type=QuantType.QInt8,
        per_channel=True,
        reduce_range=True,
        op_types_to_quantize=["MatMul", "Gemm"],
        nodes_to_exclude=nodes_to_exclude(onnx.load(graph, load_external_data=False)),
        extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT},
    )
    externalize_weights(out)
    return out


def copy_unquantized(graph: Path) -> Path:
    """Copy a graph under its int8 name, without its weights, and return the path.

    The head of a student that never reads query and item together takes a hundredth of the time of reading an item.
    In int8 it changed 4% of the labels, where the encoder in int8 changed 0.2% (marketplace, 2026-11).
    """
    return shutil.copy(graph, int8_path(graph))


def int8_path(graph: Path) -> Path:
    """Return the path of a graph's int8 version."""
    return graph.with_suffix(".int8.onnx")


def keep_served_graph(folder: Path, graph: str) -> None:
    """Remove the graphs that are not `graph`, with the weights that only they read.

    The encoder that belongs to it stays.
    """
    paths = [folder / name for name in dict.fromkeys((graph, encoder_name(graph)))]
    used_names = {path.name for path in paths}.union(*map(weight_files, paths))
    for path in folder.glob("*.onnx*"):
        if path.name not in used_names:
            path.unlink()


def weight_files(graph: Path) -> set[str]:
    """Return the names of the files that hold a graph's weights."""
    import onnx

    constants = onnx.load(graph, load_external_data=False).graph.initializer
    entries = [entry for constant in constants for entry in constant.external_data]
    return {entry.value for entry in entries if entry.key == "location"}


def nodes_to_exclude(model) -> list[str]:
    """Return the names of the products that stay in full precision.

    A product with a constant of other than two dimensions does not load per channel. Matching tokens takes hardly any
    time.
    """
    odd_constants = {constant.name for constant in model.graph.initializer if len(constant.dims) != 2}
    products = [node for node in model.graph.node if node.op_type in ("MatMul", "Gemm")]
    return [node.name for node in products if "/late_interaction/" in node.name or odd_constants & set(node.input[:2])]

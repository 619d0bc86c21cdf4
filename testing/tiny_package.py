"""A whole student package of a few kilobytes: each word of an item has its label, and the words are averaged."""

import json
import shutil
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import save_file
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace

from components import contracts, package_manifest
from testing.rows import rationale

WORDS = {"[UNK]": 0, "red": 1, "socks": 2, "hose": 3}
LOGITS = np.array([[0, 0, 0, 0], [9, 0, 0, 0], [0, 0, 9, 0], [0, 0, 0, 9]], np.float32)
INPUTS = ("input_ids", "attention_mask", "token_type_ids")


def write_files(folder: Path) -> Path:
    """Write two files and their manifest, which is all that manifests and signatures read, and return the folder."""
    (folder / "encoder").mkdir(parents=True)
    (folder / "model.onnx").write_bytes(b"weights")
    (folder / "encoder" / "config.json").write_text("{}")
    package_manifest.write(folder)
    return folder


def write_package(folder: Path, logits: np.ndarray = LOGITS) -> str:
    """Write the package, whose words have these logits, and return its version."""
    tokenizer = Tokenizer(WordLevel(WORDS, "[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    return write_parts(folder, build_model(logits), tokenizer, max_length=64)


def write_parts(folder: Path, model: onnx.ModelProto, tokenizer: Tokenizer, max_length: int) -> str:
    """Write a package around a graph whose hidden vector has four numbers, and return its version."""
    folder.mkdir(parents=True)
    onnx.save(model, folder / "model.onnx")
    projection = {"extractor.out.weight": np.eye(4, dtype=np.float32), "extractor.out.bias": np.zeros(4, np.float32)}
    save_file(projection, folder / "projection.safetensors")
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {"labels": contracts.LABELS, "temperature": 1.0, "max_length": max_length, "query_length": 32}
    config |= {"item_states": "none", "served": "model.onnx", "format": package_manifest.FORMAT}
    (folder / "config.json").write_text(json.dumps(config))
    names = [name for name in contracts.RATIONALE_EMBEDDINGS.names if name != "embedding"]
    rows = [{name: rationale()[name] for name in names} | {"embedding": [9.0, 0.0, 0.0, 0.0]}]
    contracts.write(rows, contracts.RATIONALE_EMBEDDINGS, folder / "rationales.parquet")
    return package_manifest.write(folder)


def build_model(logits: np.ndarray) -> onnx.ModelProto:
    """Build a graph that averages the tokens' logits, which are also its hidden vector."""
    nodes = [
        helper.make_node("Gather", ["words", "input_ids"], ["token_logits"]),
        helper.make_node("ReduceMean", ["token_logits"], ["logits"], axes=[1], keepdims=0),
        helper.make_node("Identity", ["logits"], ["hidden"]),
    ]
    takes = [helper.make_tensor_value_info(name, TensorProto.INT64, ["B", "T"]) for name in INPUTS]
    gives = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["B", 4]) for name in ("logits", "hidden")]
    graph = helper.make_graph(nodes, "words", takes, gives, [numpy_helper.from_array(logits, "words")])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)


def copy_package(package: Path, folder: Path, **changes) -> Path:
    """Copy a package, change its configuration, and write its manifest anew."""
    shutil.copytree(package, folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | changes))
    package_manifest.write(folder)
    return folder

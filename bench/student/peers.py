"""The peers that serve a cross-encoder of this size, each in an environment of its own, on the same model.

The model is our student's encoder with a classifier of four labels; its weights do not matter for its speed.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from bench.student.peer_models import (
    RERANK,
    STATIC,
    distil_static_vectors,
    export_for_sentence_transformers,
    quantise_for_openvino,
    write_classifiers,
    write_plain_graphs,
)
from components.pretrained import model_path
from pipelines.profiles import laptop

UV = Path(sys.executable).with_name("uv")
TORCH = "torch==2.13.0"
ENVIRONMENTS = {  # optimum, by which sentence-transformers exports to ONNX, does not take transformers 5
    "sentence-transformers": (
        "sentence-transformers[onnx,openvino]==5.7.0",
        "transformers==4.57.6",
        "datasets==3.6.0",
        TORCH,
    ),
    "pylate": ("pylate==1.6.0",),
    "model2vec": ("model2vec[distill]==0.10.0", "scikit-learn"),
    "openvino": ("openvino==2026.4.1", "nncf==3.4.0", "tokenizers"),
    "fastembed": ("fastembed==0.9.1",),
    "flashrank": ("flashrank==0.2.10",),
    "infinity": ("infinity-emb[torch]==0.0.78", "transformers==4.57.6", "sentence-transformers==3.4.1", TORCH),
}

OPENVINO_PEERS = (  # title, environment, kind of worker, files with the precision that is hinted
    (
        "plain OpenVINO",
        "openvino",
        "plain_openvino",
        {
            "fp32": ("onnx/plain.onnx", "f32"),
            "bf16": ("onnx/plain.onnx", "bf16"),
            "int8 with bf16": ("openvino_int8.xml", "bf16"),
        },
    ),
    (
        "sentence-transformers OpenVINO",
        "sentence-transformers",
        "cross_encoder_openvino",
        {
            "fp32": ("openvino_model.xml", "f32"),
            "bf16": ("openvino_model.xml", "bf16"),
            "int8 with bf16": ("openvino_model_qint8_quantized.xml", "bf16"),
        },
    ),
)


def environments(folder: Path, names: Sequence[str] = tuple(ENVIRONMENTS)) -> dict[str, Path]:
    """Install each peer, and return the Python of those that could be installed."""
    pythons = {}
    for name in names:
        packages = ENVIRONMENTS[name]
        python = folder / name / "bin" / "python"
        if not (folder / name / "whole").exists():
            subprocess.run([sys.executable, "-m", "venv", str(folder / name)], check=True)
            command = [str(UV), "pip", "install", "--quiet", "--python", str(python), *packages]
            links = {"UV_FIND_LINKS": os.environ["PIP_FIND_LINKS"]} if os.environ.get("PIP_FIND_LINKS") else {}
            strategy = {"UV_INDEX_STRATEGY": "unsafe-best-match"}
            installation = subprocess.run(
                command, env=os.environ | links | strategy, check=False, capture_output=True, text=True
            )
            if installation.returncode:
                print(f"{name} cannot be installed and is left out:\n{installation.stderr[-800:]}", file=sys.stderr)
                continue
            (folder / name / "whole").touch()
        pythons[name] = python
    return pythons


def peer_commands(pythons: dict[str, Path], folder: Path) -> dict[str, list]:
    """Return the command of every peer by name, at the batch sizes that are tried."""
    python = pythons["sentence-transformers"]
    commands = {}
    files = sorted(path.name for path in (folder / "onnx").glob("model*.onnx"))
    for size in (8, 16, 32):
        commands[f"sentence-transformers torch {size}"] = [python, "cross_encoder", folder, size]
        for name in files:
            label = name.removesuffix(".onnx").removeprefix("model_") if name != "model.onnx" else "onnx"
            commands[f"sentence-transformers {label} {size}"] = [python, "cross_encoder_onnx", folder, size, name]
    for name in files:
        label = name.removesuffix(".onnx").removeprefix("model_") if name != "model.onnx" else "fp32"
        commands[f"plain ONNX Runtime {label}"] = [Path(sys.executable), "plain_onnx", folder, 0, name]
    if "infinity" in pythons:
        commands["infinity"] = [pythons["infinity"], "infinity", folder / RERANK, 32]
    return commands


def prepare_peers(pythons: dict[str, Path], folder: Path, requests: Callable) -> tuple[dict, dict]:
    """Write what peers read, and return the commands of those that read pairs, and of those that read texts apart."""
    encoder = Path(model_path(laptop().student.encoder))
    write_classifiers(laptop().student.encoder, folder)
    write_plain_graphs(folder)
    if "openvino" in pythons:
        quantise_for_openvino(pythons["openvino"], folder, requests)
    if "sentence-transformers" in pythons:
        export_for_sentence_transformers(pythons["sentence-transformers"], folder, requests)
    if "model2vec" in pythons:
        distil_static_vectors(pythons["model2vec"], encoder, folder)
    return plain_commands(pythons, folder), vector_commands(pythons, encoder, folder)


def plain_commands(pythons: dict[str, Path], folder: Path) -> dict[str, list]:
    """Return the command of each peer that is called plainly, at the batch sizes that are tried."""
    commands: dict[str, list] = {}
    commands["plain ONNX Runtime fp32"] = [Path(sys.executable), "plain_onnx", folder, 0, "plain.onnx"]
    for title, environment, kind, models in OPENVINO_PEERS:
        if environment not in pythons:
            continue
        for size in (8, 16, 32):
            for name, (file, hint) in models.items():
                commands[f"{title} {name} {size}"] = [pythons[environment], kind, folder, size, file, hint]
    if "fastembed" in pythons:
        for size in (8, 64):
            commands[f"fastembed {size}"] = [pythons["fastembed"], "fastembed", folder / RERANK, size]
    if "flashrank" in pythons:
        commands["FlashRank"] = [pythons["flashrank"], "flashrank", folder / "flashrank", 0]
    return commands


def vector_commands(pythons: dict[str, Path], encoder: Path, folder: Path) -> dict[str, list]:
    """Return the commands of peers that read query and item apart: they name no labels."""
    commands: dict[str, list] = {}
    if "pylate" in pythons:
        for kind in ("cold", "warm"):
            commands[f"PyLate {kind}"] = [pythons["pylate"], "pylate", encoder, 16, kind]
    if "model2vec" in pythons:
        commands["model2vec"] = [pythons["model2vec"], "static_vectors", folder / STATIC, 0]
    return commands

"""The peers that serve a cross-encoder of this size, each in an environment of its own, on the same model.

The model is our student's encoder with a classifier of four labels; its weights do not matter for its speed.
"""

import os
import subprocess
import sys
from pathlib import Path

from components.pretrained import model_path

UV = Path(sys.executable).with_name("uv")
TORCH = "torch==2.13.0"
ENVIRONMENTS = {  # optimum, by which sentence-transformers exports to ONNX, does not take transformers 5
    "sentence-transformers": ("sentence-transformers[onnx]==5.7.0", "transformers==4.57.6", TORCH),
    "infinity": ("infinity-emb[torch]==0.0.78", "transformers==4.57.6", "sentence-transformers==3.4.1", TORCH),
}
RERANK = "rerank"
INT8 = ("avx2", "avx512_vnni")
EXPORT = """
import sys
from sentence_transformers import CrossEncoder, export_dynamic_quantized_onnx_model
model = CrossEncoder(sys.argv[1], backend="onnx", device="cpu", model_kwargs={"export": True})
model.save_pretrained(sys.argv[1])
for kind in sys.argv[2:]:
    export_dynamic_quantized_onnx_model(model, kind, sys.argv[1])
"""


def environments(folder: Path) -> dict[str, Path]:
    """Install each peer, and return the Python of those that could be installed."""
    pythons = {}
    for name, packages in ENVIRONMENTS.items():
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


def peer_model(encoder: str, python: Path, folder: Path) -> Path:
    """Write a classifier of four labels with its ONNX files, and one of one label below it."""
    if not list((folder / "onnx").glob(f"*{INT8[-1]}.onnx")):
        from transformers import AutoModelForSequenceClassification, AutoTokenizer

        for path, labels in ((folder, 4), (folder / RERANK, 1)):  # infinity reranks by one label only
            model = AutoModelForSequenceClassification.from_pretrained(model_path(encoder), num_labels=labels)
            model.save_pretrained(path)
            AutoTokenizer.from_pretrained(model_path(encoder)).save_pretrained(path)
        offline = os.environ | {"HF_HUB_OFFLINE": "1"}
        subprocess.run([str(python), "-c", EXPORT, str(folder), *INT8], env=offline, check=True, capture_output=True)
    return folder


def peer_commands(pythons: dict[str, Path], folder: Path) -> dict[str, list]:
    """Return the command of every peer by name, at the batch sizes that are tried."""
    python = pythons["sentence-transformers"]
    commands = {}
    files = sorted(path.name for path in (folder / "onnx").glob("*.onnx"))
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

"""The peers that serve a cross-encoder of this size, each in an environment of its own, on the same model.

The model is our student's encoder with a classifier of four labels; its weights do not matter for its speed.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path

from components.pretrained import model_path

UV = Path(sys.executable).with_name("uv")
TORCH = "torch==2.13.0"
ENVIRONMENTS = {  # optimum, by which sentence-transformers exports to ONNX, does not take transformers 5
    "sentence-transformers": ("sentence-transformers[onnx]==5.7.0", "transformers==4.57.6", TORCH),
    "openvino": ("openvino==2026.4.1", "nncf==3.4.0", "tokenizers"),
    "fastembed": ("fastembed==0.9.1",),
    "flashrank": ("flashrank==0.2.10",),
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


QUANTISE = """
import json, sys
import nncf, numpy as np, openvino
from tokenizers import Tokenizer
folder, pairs = sys.argv[1], json.load(sys.stdin)
tokenizer = Tokenizer.from_file(f"{folder}/tokenizer.json")
tokenizer.enable_padding()
tokenizer.enable_truncation(96)
batches = []
for start in range(0, len(pairs), 8):
    encodings = tokenizer.encode_batch([tuple(pair) for pair in pairs[start : start + 8]])
    arrays = {"input_ids": "ids", "attention_mask": "attention_mask", "token_type_ids": "type_ids"}
    batches.append({name: np.array([getattr(each, kind) for each in encodings]) for name, kind in arrays.items()})
model = openvino.Core().read_model(f"{folder}/onnx/plain.onnx")
options = {"model_type": nncf.ModelType.TRANSFORMER, "subset_size": len(batches)}
openvino.save_model(nncf.quantize(model, nncf.Dataset(batches), **options), f"{folder}/openvino_int8.xml")
"""
CALIBRATION_PAIRS = 400
FLASHRANK_NAME = "ce-esci-MiniLM-L12-v2"  # it loads models of its list alone: ours lies where that one would
FLASHRANK_FILE = "flashrank-ce-esci-MiniLM-L12-v2_Q.onnx"


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


def peer_model(encoder: str, python: Path, folder: Path) -> Path:
    """Write a classifier of four labels with its ONNX files, and one of one label below it."""
    write_classifiers(encoder, folder)
    if not list((folder / "onnx").glob(f"*{INT8[-1]}.onnx")):
        offline = os.environ | {"HF_HUB_OFFLINE": "1"}
        subprocess.run([str(python), "-c", EXPORT, str(folder), *INT8], env=offline, check=True, capture_output=True)
    return folder


def write_classifiers(encoder: str, folder: Path) -> None:
    """Write a classifier of four labels, and one of one label below it."""
    if not (folder / RERANK / "config.json").exists():
        from transformers import AutoModelForSequenceClassification, AutoTokenizer

        for path, labels in ((folder, 4), (folder / RERANK, 1)):  # infinity reranks by one label only
            model = AutoModelForSequenceClassification.from_pretrained(model_path(encoder), num_labels=labels)
            model.save_pretrained(path)
            AutoTokenizer.from_pretrained(model_path(encoder)).save_pretrained(path)


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


def write_plain_graphs(folder: Path) -> None:
    """Export the classifiers of four labels and of one, as runtimes that are called plainly read them."""
    import torch
    from transformers import AutoModelForSequenceClassification

    names = ("input_ids", "attention_mask", "token_type_ids")
    axes = {name: {0: "pairs", 1: "tokens"} for name in names} | {"logits": {0: "pairs"}}
    inputs = (torch.ones(2, 8, dtype=torch.long),) * 3
    for path in (folder, folder / RERANK):
        out = path / "onnx" / "plain.onnx"
        if out.exists():
            continue
        out.parent.mkdir(exist_ok=True)
        model = AutoModelForSequenceClassification.from_pretrained(path, attn_implementation="eager").eval()
        options = {"input_names": list(names), "output_names": ["logits"], "dynamic_axes": axes, "opset_version": 17}
        torch.onnx.export(model, inputs, str(out), dynamo=False, **options)
    link = folder / "flashrank" / FLASHRANK_NAME
    if not link.exists():
        shutil.copytree(folder / RERANK, link)
        shutil.copy(link / "onnx" / "plain.onnx", link / FLASHRANK_FILE)
        write_special_tokens(link)


def write_special_tokens(folder: Path) -> None:
    """Write the file of special tokens that FlashRank reads and transformers 5 no longer writes."""
    names = ("unk_token", "sep_token", "pad_token", "cls_token", "mask_token")
    config = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "special_tokens_map.json").write_text(json.dumps({name: config[name] for name in names}))


def quantise_for_openvino(python: Path, folder: Path, requests: Callable) -> None:
    """Write the static int8 model of the peer, calibrated on ESCI's queries and titles at their lengths."""
    if not (folder / "openvino_int8.xml").exists():
        pairs = [(query, item) for query, items in islice(requests(8), CALIBRATION_PAIRS // 8) for item in items]
        command = [str(python), "-c", QUANTISE, str(folder)]
        environment = os.environ | {"NNCF_CI": "1"}
        subprocess.run(command, input=json.dumps(pairs), env=environment, check=True, capture_output=True, text=True)


def plain_commands(pythons: dict[str, Path], folder: Path) -> dict[str, list]:
    """Return the command of each peer that is called plainly, at the batch sizes that are tried."""
    commands: dict[str, list] = {}
    commands["plain ONNX Runtime fp32"] = [Path(sys.executable), "plain_onnx", folder, 0, "plain.onnx"]
    if "openvino" in pythons:
        for size in (8, 16, 32):
            for name, file, hint in (
                ("fp32", "onnx/plain.onnx", "f32"),
                ("bf16", "onnx/plain.onnx", "bf16"),
                ("int8 with bf16", "openvino_int8.xml", "bf16"),
            ):
                commands[f"plain OpenVINO {name} {size}"] = [
                    pythons["openvino"], "plain_openvino", folder, size, file, hint,
                ]  # fmt: skip
    if "fastembed" in pythons:
        for size in (8, 64):
            commands[f"fastembed {size}"] = [pythons["fastembed"], "fastembed", folder / RERANK, size]
    if "flashrank" in pythons:
        commands["FlashRank"] = [pythons["flashrank"], "flashrank", folder / "flashrank", 0]
    return commands

"""The models that peers read: our student's encoder with a classifier, in each runtime's own files."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from itertools import islice
from pathlib import Path

from components.pretrained import model_path

RERANK = "rerank"
STATIC = "static"
INT8 = ("avx2", "avx512_vnni")
EXPORT = """
import sys
from sentence_transformers import CrossEncoder, export_dynamic_quantized_onnx_model
model = CrossEncoder(sys.argv[1], backend="onnx", device="cpu", model_kwargs={"export": True})
model.save_pretrained(sys.argv[1])
for kind in sys.argv[2:]:
    export_dynamic_quantized_onnx_model(model, kind, sys.argv[1])
"""
EXPORT_OPENVINO = """
import sys
from sentence_transformers import CrossEncoder, export_static_quantized_openvino_model
folder, calibration = sys.argv[1:]
CrossEncoder(folder, backend="openvino", model_kwargs={"export": True}).save_pretrained(folder)
model = CrossEncoder(folder, backend="openvino", model_kwargs={"file_name": "openvino/openvino_model.xml"})
texts = {"dataset_config_name": "default", "dataset_split": "train", "column_name": "text"}
export_static_quantized_openvino_model(model, None, folder, dataset_name=calibration, **texts)
"""
DISTILL = """
import sys
from model2vec.distill import distill
distill(model_name=sys.argv[1], pca_dims=256).save_pretrained(sys.argv[2])
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


def peer_model(encoder: str, python: Path, folder: Path) -> Path:
    """Write a classifier of four labels with its ONNX files, and one of one label below it."""
    write_classifiers(encoder, folder)
    if not list((folder / "onnx").glob(f"*{INT8[-1]}.onnx")):
        run_offline(python, EXPORT, folder, *INT8)
    return folder


def write_classifiers(encoder: str, folder: Path) -> None:
    """Write a classifier of four labels, and one of one label below it."""
    if not (folder / RERANK / "config.json").exists():
        from transformers import AutoModelForSequenceClassification, AutoTokenizer

        for path, labels in ((folder, 4), (folder / RERANK, 1)):  # infinity reranks by one label only
            model = AutoModelForSequenceClassification.from_pretrained(model_path(encoder), num_labels=labels)
            model.save_pretrained(path)
            AutoTokenizer.from_pretrained(model_path(encoder)).save_pretrained(path)


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


def export_for_sentence_transformers(python: Path, folder: Path, requests: Callable) -> None:
    """Write sentence-transformers' OpenVINO files, the int8 one calibrated by its own function on ESCI's texts."""
    if not (folder / "openvino" / "openvino_model_qint8_quantized.xml").exists():
        calibration = folder / "calibration"
        calibration.mkdir(exist_ok=True)
        rows = [{"text": f"{query} {item}"} for query, items in islice(requests(8), 50) for item in items]
        (calibration / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        run_offline(python, EXPORT_OPENVINO, folder, calibration)


def distil_static_vectors(python: Path, encoder: Path, folder: Path) -> None:
    """Write model2vec's static vectors of our encoder."""
    if not (folder / STATIC / "model.safetensors").exists():
        run_offline(python, DISTILL, encoder, folder / STATIC)


def run_offline(python: Path, program: str, *arguments: Path | str) -> None:
    """Run a program of a peer's environment, which finds everything on this disk."""
    command = [str(python), "-c", program, *map(str, arguments)]
    subprocess.run(command, env=os.environ | {"HF_HUB_OFFLINE": "1"}, check=True, capture_output=True)

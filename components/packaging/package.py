"""Make a package: everything that serving loads, in one folder, checked against the model that was trained.

`python -m components.packaging.package verify FOLDER` checks one.
"""

import argparse
import heapq
import json
import shutil
import sys
from collections.abc import Iterable
from dataclasses import fields
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file

from components import contracts, package_manifest
from components.packaging.evaluate import measures
from components.packaging.export import export
from components.packaging.model_card import lineage, model_card, slices
from components.packaging.quantise import copy_unquantized, quantise
from components.sampling import hash_digest
from components.scoring.item_cache import FILE, precompute_items
from components.scoring.nearest_rationale import NearestRationale
from components.scoring.onnx_runtime import load_runtime
from components.scoring.package_config import read_config
from components.scoring.scorer import Scorer, Scores, load_tokenizer
from components.scoring.tokenizer import PairTokenizer, item_text
from components.student.config import LrkdConfig
from components.student.late_interaction import LateInteractionStudent
from components.student.logits import predict_logits
from components.student.model import Student, build_student

CHECKED_PAIRS = 400  # of the valid split
INDEX_ROWS = 20_000  # rationales of a package at most: 30 MB at a width of 384
PARITY = 2e-3  # largest difference of a probability between PyTorch and what is served in fp32
PARITY_AGREEMENT = 0.995  # least share of labels; it is under 1 for pairs between two labels
INT8_AGREEMENT = (
    0.98  # least share of labels that int8 has to keep to be served: most that change lie between two labels
)
INT8_LOSS = 0.005  # most macro-F1 that it may cost


def package(model: str | Path, embeddings: str | Path, training_set: str | Path, folder: str | Path) -> dict:
    """Export a trained student, check the export, and write the package; returns its version and what was measured.

    Raises:
        ValueError: ONNX and PyTorch disagree, or there is no valid pair to compare them on.
    """
    model, folder = Path(model), Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    student, config = load(model)
    (folder / FILE).unlink(missing_ok=True)  # of an earlier attempt, which the checks would take for this one's
    graph = export(student, folder)
    for name in ("model.safetensors", "tokenizer.json"):
        shutil.copy(model / name, folder / name)
    shutil.copytree(model / "encoder", folder / "encoder", dirs_exist_ok=True)
    origin = lineage(training_set, embeddings, model)
    (folder / "lineage.json").write_text(json.dumps(origin, indent=1))
    told = drawn(contracts.read_batches(contracts.RATIONALE_EMBEDDINGS, embeddings), INDEX_ROWS, ("key",))
    contracts.write(told, contracts.RATIONALE_EMBEDDINGS, folder / "rationales.parquet")
    valid = (row for row in contracts.read_batches(contracts.TRAINING_SET, training_set) if row["split"] == "valid")
    said = checked(student, config, drawn(valid, CHECKED_PAIRS, ("query_id", "item_id")), folder, graph)
    if isinstance(student, LateInteractionStudent):
        serving_config = read_config(folder)
        tokenizer = load_tokenizer(folder, serving_config)
        runtime = load_runtime(folder, serving_config, tokenizer)
        said["precomputed_items"] = precompute_items(training_set, tokenizer, runtime, folder)
    (folder / "metrics.json").write_text(json.dumps(said, indent=1))
    (folder / "model_card.md").write_text(model_card(config, said, origin))
    version = package_manifest.write(folder)
    figure = f"{said['served']}, int8 keeps {said['int8_agreement']:.1%} of labels"
    return {"rows_in": 1, "rows_out": 1, "set_aside": 0, "version": version, **said, "figure": figure}


def drawn(rows: Iterable[dict], count: int, names: tuple[str, ...]) -> list[dict]:
    """At most `count` rows, which the digests of what they are called decide."""
    return heapq.nsmallest(count, rows, key=lambda row: hash_digest("\n".join(row[name] for name in names)))


def load(model: str | Path) -> tuple[Student, dict]:
    """Load a trained student from its folder in float32, with its configuration."""
    from transformers import AutoConfig, AutoModel

    config = json.loads((Path(model) / "config.json").read_text())
    encoder_config = AutoConfig.from_pretrained(Path(model) / "encoder")
    encoder = AutoModel.from_config(encoder_config, attn_implementation="eager", dtype=torch.float32)
    student_config = LrkdConfig(**{field.name: config[field.name] for field in fields(LrkdConfig)})
    student = build_student(encoder, config["reasoning_width"], student_config)
    student.load_state_dict(load_file(Path(model) / "model.safetensors"))
    return student.eval(), config | {"item_states": student.item_states}


def checked(student: Student, config: dict, rows: list[dict], folder: Path, graph: str) -> dict:
    """Compare PyTorch, ONNX fp32 and int8 on judged pairs; decides which of the two graphs is served.

    Raises:
        ValueError: fp32 differs from PyTorch, or there is no pair.
    """
    if not rows:
        raise ValueError("the training set holds no pair in the split 'valid': the export cannot be checked")
    expected = probabilities_of(student, config, rows, folder)  # (N, C)
    for part in folder.glob("encoder.onnx"):
        quantise(part)
    names = graph, (copy_unquantized if isinstance(student, LateInteractionStudent) else quantise)(folder / graph).name
    fp32, int8 = (scored_with(name, config, rows, folder) for name in names)
    difference, agreement = compared(fp32[0], expected)
    if difference > PARITY or agreement < PARITY_AGREEMENT:
        raise ValueError(
            f"ONNX differs from PyTorch by {difference:.1e}, labels agree on {agreement:.1%}: not packaged"
        )
    int8_difference, kept = compared(int8[0], expected)
    loss = measures(fp32[1])["macro_f1"] - measures(int8[1])["macro_f1"]
    quick = kept >= INT8_AGREEMENT and loss <= INT8_LOSS
    write_config(config, names[quick], folder)
    scores, answers = (fp32, int8)[quick]
    found = measures(answers)
    return {
        "served": names[quick],
        "parity_pairs": len(rows),
        "parity_max_difference": difference,
        "parity_agreement": agreement,
        "int8_max_difference": int8_difference,
        "int8_agreement": kept,
        "int8_macro_f1_loss": loss,
        "explanation_agreement": explanation_agreement(scores, NearestRationale(folder)),
        **{name: found[name] for name in ("accuracy", "macro_f1", "calibration_error")},
        "slices": slices(answers),
    }


def probabilities_of(student: Student, config: dict, rows: list[dict], folder: Path) -> np.ndarray:
    """What PyTorch says of the pairs, (N, C), in full precision."""
    tokenizer = PairTokenizer(folder / "tokenizer.json", config["max_length"], config["query_length"])
    queries = tokenizer.encode_queries([row["query"] for row in rows])
    items = tokenizer.encode_items([item_text(row) for row in rows])
    logits = predict_logits(student, queries, items, tokenizer.lexical_features(queries, items))
    return (logits / config["temperature"]).softmax(-1).numpy()


def compared(scores: Scores, expected: np.ndarray) -> tuple[float, float]:
    """The largest difference of a probability, and the share of labels that are the same."""
    same = scores.probabilities.argmax(-1) == expected.argmax(-1)
    return float(abs(scores.probabilities - expected).max()), float(same.mean())


def scored_with(served: str, config: dict, rows: list[dict], folder: Path) -> tuple[Scores, list[dict]]:
    """Scores of the pairs by one of the model files, as serving computes them, and the rows with what was said."""
    write_config(config, served, folder)
    package_manifest.write(folder)
    scores = Scorer(folder)([(row["query"], item_text(row)) for row in rows])
    said = zip(rows, scores.labels, scores.probabilities.tolist(), strict=True)
    return scores, [row | {"predicted_label": label, "probabilities": each} for row, label, each in said]


def explanation_agreement(scores: Scores, nearest: NearestRationale) -> float | None:
    """How often the nearest rationale ends in the predicted label; None where there is no rationale."""
    found = nearest(scores.reasoning, 1)
    pairs = [(near[0]["predicted_label"], label) for near, label in zip(found, scores.labels, strict=True) if near]
    return sum(said == label for said, label in pairs) / len(pairs) if pairs else None


def write_config(config: dict, served: str, folder: Path) -> None:
    """What a server has to know."""
    said = config | {"served": served, "format": package_manifest.FORMAT}
    (folder / "config.json").write_text(json.dumps(said, indent=1))


def main(arguments: list[str]) -> int:
    """Verify a package from the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m components.packaging.package", description="Check every file of a package, and that it loads."
    )
    parser.add_argument("verb", choices=["verify"])
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args(arguments).folder
    try:
        files, served = package_manifest.verify(folder), Scorer(folder).config.served
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{package_manifest.version(folder)}: {len(files)} files as the manifest says; serves {served}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

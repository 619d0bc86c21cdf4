"""Make a package: everything that serving loads, in one folder, checked against the model that was trained.

`python -m components.student.package verify FOLDER` checks one.
"""

import argparse
import json
import shutil
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer

from components import contracts, package_manifest
from components.package_manifest import file_digest
from components.student.evaluate import measures, predictions
from components.student.model import Student
from components.student.score import Scorer, item_text
from components.student.train import predicted_logits

PARITY_PAIRS = 200
PARITY = 1e-3  # largest difference of a probability between PyTorch and ONNX fp32
INT8_AGREEMENT = 0.99  # least share of labels that int8 has to keep to be served
INT8_LOSS = 0.005  # most macro-F1 that it may cost
OPSET = 17


def package(model: str | Path, embeddings: str | Path, training_set: str | Path, folder: str | Path) -> dict:
    """Export a trained student, check the export, and write the package; returns its version and what was measured.

    Raises:
        ValueError: ONNX and PyTorch disagree, or there is no valid pair to compare them on.
    """
    model, folder = Path(model), Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    student, config = load(model)
    export(student, folder / "model.onnx")
    for name in ("model.safetensors", "tokenizer.json"):
        shutil.copy(model / name, folder / name)
    shutil.copytree(model / "encoder", folder / "encoder", dirs_exist_ok=True)
    shutil.copy(embeddings, folder / "rationales.parquet")
    (folder / "lineage.json").write_text(json.dumps(lineage(training_set, embeddings, model), indent=1))
    rows = [row for row in contracts.read_batches(contracts.TRAINING_SET, training_set) if row["split"] == "valid"]
    said = checked(student, config, rows[:PARITY_PAIRS], folder)
    (folder / "metrics.json").write_text(json.dumps(said, indent=1))
    (folder / "model_card.md").write_text(model_card(config, said))
    version = package_manifest.write(folder)
    figure = f"{said['served']}, int8 keeps {said['int8_agreement']:.1%} of labels"
    return {"rows_in": 1, "rows_out": 1, "set_aside": 0, "version": version, **said, "figure": figure}


def load(model: str | Path) -> tuple[Student, dict]:
    """A trained student from its folder, and its configuration."""
    from transformers import AutoConfig, AutoModel

    config = json.loads((Path(model) / "config.json").read_text())
    encoder_config = AutoConfig.from_pretrained(Path(model) / "encoder")
    encoder = AutoModel.from_config(encoder_config, add_pooling_layer=False, attn_implementation="eager")
    student = Student(encoder, config["extractor"], config["reasoning_width"])
    student.load_state_dict(load_file(Path(model) / "model.safetensors"))
    return student.eval(), config


def export(student: Student, path: Path) -> None:
    """Write the student as ONNX, any number of pairs of any length."""
    import warnings

    example = torch.ones(2, 8, dtype=torch.long)
    names = ["input_ids", "attention_mask", "token_type_ids"]
    axes = {name: {0: "pairs", 1: "tokens"} for name in names} | {"logits": {0: "pairs"}, "reasoning": {0: "pairs"}}
    options = {"input_names": names, "output_names": ["logits", "reasoning"], "dynamic_axes": axes}
    with warnings.catch_warnings():  # the TorchScript exporter: 2 s where the other takes minutes
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", torch.jit.TracerWarning)
        warnings.filterwarnings("ignore", "Exporting aten::index", UserWarning)  # the mask; parity is checked
        torch.onnx.export(student, (example,) * 3, str(path), opset_version=OPSET, dynamo=False, **options)


def quantise(folder: Path) -> None:
    """Write the dynamic int8 model beside the fp32 one, weights as QUInt8, per tensor."""
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    quantize_dynamic(
        folder / "model.onnx",
        folder / "model.int8.onnx",
        weight_type=QuantType.QUInt8,
        op_types_to_quantize=["MatMul", "Gemm"],
        extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT},
    )


def checked(student: Student, config: dict, rows: list[dict], folder: Path) -> dict:
    """Compare PyTorch, ONNX fp32 and int8 on judged pairs; decides which of the two files is served."""
    if not rows:
        raise ValueError("the training set holds no pair in the split 'valid': the export cannot be checked")
    quantise(folder)
    pairs = [(row["query"], item_text(row)) for row in rows]
    expected = predicted_logits(student, pairs, Tokenizer.from_file(str(folder / "tokenizer.json"))).numpy()
    scored = {name: scored_with(name, config, rows, folder) for name in ("model.onnx", "model.int8.onnx")}
    fp32, int8 = scored["model.onnx"], scored["model.int8.onnx"]
    torch_probabilities = torch.tensor(expected / config["temperature"]).softmax(-1).numpy()
    difference = float(abs(fp32[0].probabilities - torch_probabilities).max())
    agreement = float((fp32[0].probabilities.argmax(-1) == expected.argmax(-1)).mean())
    if difference > PARITY or agreement < 1:
        raise ValueError(
            f"ONNX differs from PyTorch by {difference:.1e}, labels agree on {agreement:.1%}: not packaged"
        )
    kept = float((int8[0].probabilities.argmax(-1) == expected.argmax(-1)).mean())
    loss = fp32[1]["macro_f1"] - int8[1]["macro_f1"]
    served = "model.int8.onnx" if kept >= INT8_AGREEMENT and loss <= INT8_LOSS else "model.onnx"
    write_config(config, served, folder)
    return {
        "served": served,
        "parity_pairs": len(rows),
        "parity_max_difference": difference,
        "int8_agreement": kept,
        "int8_macro_f1_loss": loss,
        **{name: fp32[1][name] for name in ("accuracy", "macro_f1")},
    }


def scored_with(served: str, config: dict, rows: list[dict], folder: Path) -> tuple:
    """Scores of the pairs by one of the model files, as serving computes them, and their measures."""
    write_config(config, served, folder)
    package_manifest.write(folder)
    scorer = Scorer(folder)
    scores = scorer([(row["query"], item_text(row)) for row in rows])
    return scores, measures(list(predictions(rows, scorer)))


def write_config(config: dict, served: str, folder: Path) -> None:
    """What a server has to know."""
    (folder / "config.json").write_text(json.dumps(config | {"served": served}, indent=1))


def lineage(training_set: str | Path, embeddings: str | Path, model: Path) -> dict:
    """Digests of what the package was made from."""
    return {
        "training_set": file_digest(Path(training_set)),
        "rationale_embeddings": file_digest(Path(embeddings)),
        "weights": file_digest(model / "model.safetensors"),
    }


def model_card(config: dict, said: dict) -> str:
    """The card that a person reads before trusting the package."""
    return f"""# Relevance student ({config["variant"]})

Given a query and an item: Exact, Substitute, Complement or Irrelevant, with probabilities and a reasoning vector.

- Encoder {config["encoder"]}, extractor {config["extractor"]}, at most {config["max_length"]} tokens
- Temperature {config["temperature"]}, fitted on a fold of train
- Trained on the train split, lambda {config["align_weight"]} ({config["reduction"]}); digests in lineage.json
- On {said["parity_pairs"]} valid pairs: accuracy {said["accuracy"]:.3f}, macro-F1 {said["macro_f1"]:.3f}
- Served file {said["served"]}; int8 keeps {said["int8_agreement"]:.1%} of the labels
- Meant for ranking and filtering in product search; not for decisions about people
"""


def main(arguments: list[str]) -> int:
    """Verify a package from the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m components.student.package", description="Check a package's manifest."
    )
    parser.add_argument("verb", choices=["verify"])
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args(arguments).folder
    try:
        files = package_manifest.verify(folder)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{package_manifest.version(folder)}: {len(files)} files as the manifest says")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

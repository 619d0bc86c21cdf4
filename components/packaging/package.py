"""The package of a student: all that serving loads, in one folder, compared with the model that was trained.

It holds the weights once, in the graph that is served. The others are made and compared, and removed.
"""

import heapq
import json
import shutil
from collections.abc import Iterable
from dataclasses import fields, replace
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from components import contracts, package_manifest
from components.absence import absence_reason, leave_out
from components.package_signature import sign_where_configured
from components.packaging import static_int8
from components.packaging.export import export
from components.packaging.lineage import describe_lineage
from components.packaging.model_card import model_card
from components.packaging.parity import compare_graphs
from components.packaging.quantise import Graphs, keep_served_graph, quantise_graphs
from components.sampling import hash_digest
from components.scoring import openvino_runtime, reasoning
from components.scoring.item_cache import FILE, precompute_items
from components.scoring.package_config import read_config
from components.scoring.runtime import encoder_name, load_runtime
from components.scoring.scorer import load_tokenizer
from components.scoring.tokenizer import PairTokenizer
from components.step_result import StepResult
from components.student.config import LrkdConfig
from components.student.model import Student, build_student

PARITY_PAIRS = 400  # of the valid split
MAX_RATIONALES = 20_000  # of a package: 30 MB at a width of 384


def make_package(model: str | Path, embeddings: str | Path, training_set: str | Path, folder: str | Path) -> StepResult:
    """Export a trained student, compare the graphs with it, and write the package.

    Raises:
        ValueError: ONNX and PyTorch disagree, or there is no valid pair to compare them on.
    """
    if reason := absence_reason(model):
        return leave_out(folder, reason)
    model = Path(model)
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / FILE).unlink(missing_ok=True)  # of an earlier attempt, which the comparison would load
    student, config = load_student(model)
    graphs = quantise_graphs(folder, export(student, folder))
    copy_parts(model, folder)
    graphs = add_static_int8(graphs, config, training_set, folder)
    learnt_embeddings = embeddings if config["align_weight"] else None
    lineage = describe_lineage(training_set, learnt_embeddings, model)
    write_json(lineage, folder / "lineage.json")
    rationales = write_rationales(learnt_embeddings, folder)
    metrics = compare_graphs(student, config, sample_pairs(training_set, "valid", PARITY_PAIRS), folder, graphs)
    keep_served_graph(folder, metrics.served_graph)
    metrics = replace(metrics, rationales=rationales)
    if config["item_states"] == "mean":
        metrics = replace(metrics, precomputed_items=write_items(training_set, folder))
    write_json(metrics.to_dict(), folder / "metrics.json")
    (folder / "model_card.md").write_text(model_card(config, metrics, lineage))
    version = package_manifest.write(folder)
    sign_where_configured(folder)
    headline = f"{metrics.served_graph} by {metrics.runtime}, int8 keeps {metrics.int8_agreement:.1%} of labels"
    return StepResult(1, 1, headline=headline, details={"version": version, **metrics.to_dict()})


def add_static_int8(graphs: Graphs, config: dict, training_set: str | Path, folder: Path) -> Graphs:
    """Write the static int8 graphs where they can be made, and return all graphs.

    OpenVINO and NNCF have to be installed. They are for students that encode items alone, calibrated on train queries.
    """
    if not (openvino_runtime.is_installed() and static_int8.is_installed()) or config["item_states"] == "none":
        return graphs
    tokenizer = PairTokenizer(folder / "tokenizer.json", config["max_length"], config["query_length"])
    rows = sample_pairs(training_set, "train", static_int8.CALIBRATION_PAIRS)
    calibration = static_int8.calibration_arrays(rows, tokenizer)
    static_int8.quantise_static(folder / encoder_name(graphs.fp32), calibration)
    interaction = static_int8.static_path(folder / graphs.fp32)
    shutil.copy(folder / graphs.fp32, interaction)  # stays in full precision, as in dynamic int8
    return replace(graphs, static=interaction.name)


def load_student(model: str | Path) -> tuple[Student, dict]:
    """Load a trained student from its folder in float32, with its configuration."""
    from transformers import AutoConfig, AutoModel

    config = json.loads((Path(model) / "config.json").read_text())
    encoder_config = AutoConfig.from_pretrained(Path(model) / "encoder")
    encoder = AutoModel.from_config(encoder_config, attn_implementation="eager", dtype=torch.float32)
    names = config.keys() & {field.name for field in fields(LrkdConfig)}  # an older student has fewer
    student_config = LrkdConfig(**{name: config[name] for name in names})
    student = build_student(encoder, config["reasoning_width"], student_config)
    student.load_state_dict(load_file(Path(model) / "model.safetensors"))
    return student.eval(), config | {"item_states": student.item_states}


def copy_parts(model: Path, folder: Path) -> None:
    """Copy tokenizer, the encoder's configuration, and of the weights what no graph holds."""
    shutil.copy(model / "tokenizer.json", folder / "tokenizer.json")
    shutil.copytree(model / "encoder", folder / "encoder", dirs_exist_ok=True)
    weights = load_file(model / "model.safetensors")
    save_file({name: weights[name] for name in (reasoning.WEIGHT, reasoning.BIAS)}, folder / reasoning.FILE)


def write_rationales(embeddings: str | Path | None, folder: Path) -> int:
    """Write the rationales that explain the student's answers, and return their number.

    Only those are kept whose label is the judged one: an explanation never argues for a wrong label. A plain student
    has no embeddings: its reasoning vector was aligned with none, so that the nearest would be nearest by chance.
    """
    rows = contracts.read_batches(contracts.RATIONALE_EMBEDDINGS, embeddings) if embeddings else ()
    right_rows = (row for row in rows if row["predicted_label"] == row["label"])
    sample = sample_by_hash(right_rows, MAX_RATIONALES, ("key",))
    return contracts.write(sample, contracts.RATIONALE_EMBEDDINGS, folder / "rationales.parquet")


def sample_pairs(training_set: str | Path, split: str, count: int) -> list[dict]:
    """Draw at most `count` pairs of a split."""
    rows = contracts.read_batches(contracts.TRAINING_SET, training_set)
    rows_of_split = (row for row in rows if row["split"] == split)
    return sample_by_hash(rows_of_split, count, ("query_id", "item_id"))


def sample_by_hash(rows: Iterable[dict], count: int, names: tuple[str, ...]) -> list[dict]:
    """Draw at most `count` rows, by the hash of the named columns."""
    return heapq.nsmallest(count, rows, key=lambda row: hash_digest("\n".join(row[name] for name in names)))


def write_items(training_set: str | Path, folder: Path) -> int:
    """Precompute the judged items with the served graphs, and return their number."""
    config = read_config(folder)
    tokenizer = load_tokenizer(folder, config)
    return precompute_items(training_set, tokenizer, load_runtime(folder, config, tokenizer), folder)


def write_json(document: dict, path: Path) -> None:
    """Write a document as indented JSON."""
    path.write_text(json.dumps(document, indent=1))

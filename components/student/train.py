"""Distil: train the student on judgements, the teacher's rationale embeddings (LRKD) and its labels."""

import hashlib
import json
import math
import shutil
from dataclasses import asdict, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from safetensors.torch import save_file
from torch import Tensor
from transformers import AutoTokenizer

from components import contracts
from components.absence import leave_out
from components.package_manifest import file_digest
from components.pretrained import model_path
from components.scoring.tokenizer import PairTokenizer
from components.step_result import StepResult
from components.student.config import LrkdConfig
from components.student.dataset import CALIBRATION_SHARE, ExampleCounts, write_examples
from components.student.frozen_states import compute_frozen_states
from components.student.late_interaction import LateInteractionStudent
from components.student.logits import predict_logits
from components.student.model import Student, new_student
from components.student.overlap_head import initialise_late_interaction
from components.student.tables import StudentTables
from components.student.trainer import LrkdTrainer, training_arguments
from components.student.unjudged import describe_unjudged, write_unjudged
from components.training.arguments import run_training
from components.training.checkpoints import Checkpoints
from components.training.launch import on_every_gpu

TEMPERATURE_SPREAD = 0.2  # standard deviation of the logarithm's prior


def train(
    training_set: str | Path,
    embeddings: str | Path,
    config: LrkdConfig,
    folder: str | Path,
    unjudged_tables: tuple[str | Path, str | Path] = ("", ""),
) -> StepResult:
    """Train a student on every GPU of the machine, and save it to `folder`.

    `unjudged_tables` are UNJUDGED and TEACHER_LABELS, or none. The folder gets weights, configuration and tokenizer;
    the result's details hold counts and curves. A student that is to learn from rationales learns from a teacher's
    labels alone where there is no rationale, and is left out where there is neither.

    Raises:
        ValueError: no pair is left to train on, the configuration names what does not exist, or a loss is not a number.
    """
    tables = StudentTables(training_set, embeddings, *unjudged_tables)
    if config.align_weight and not contracts.count(embeddings):
        if not (tables.teacher_labels and contracts.count(tables.teacher_labels)):
            return leave_out(folder, "there is no rationale to learn from")
        config = replace(config, align_weight=0.0)
    if not config.epochs and config.architecture != "late_interaction":
        raise ValueError("student_config's epochs is 0: a late_interaction student alone has a head that is fitted")
    with TemporaryDirectory() as work:
        tokenizer = save_tokenizer(config, Path(work))
        counts = write_examples(tables, tokenizer, config, Path(work))
        prefix = checkpoint_prefix(config, Path(work)) if config.save_steps else ""
        if prefix:
            Checkpoints(work, prefix).fetch()
        curves = on_every_gpu(train_on_examples, config, counts.embedding_width, work, prefix, str(folder))
        if prefix:
            Checkpoints(work, prefix).remove()
    usage = describe_unjudged(counts, tables.teacher_labels)
    write_unjudged(usage, Path(folder))
    result = step_result(tables.count_pairs(), counts, config, curves)
    return replace(result, details={**result.details, **usage})


def step_result(rows: int, counts: ExampleCounts, config: LrkdConfig, curves: dict) -> StepResult:
    """Count what was trained on, with the curves as details."""
    aligned_pairs = counts.with_rationale if config.align_weight and config.epochs else 0
    details = {
        "set_aside_why": counts.left_out,
        "aligned": aligned_pairs,
        "not_aligned": counts.train - aligned_pairs,
        "distillation": config.distillation,
    }
    headline = "a fitted head on a frozen encoder"
    if curves["history"]:
        first, last = (curves["history"][n]["cross_entropy"] for n in (0, -1))
        labels = f", {counts.labelled_pairs:,} by a label that no person gave" if counts.labelled_pairs else ""
        headline = f"loss {first:.2f} to {last:.2f}, {aligned_pairs} aligned{labels}"
    return StepResult(rows, counts.train, rows - counts.train, headline, details | curves)


def checkpoint_prefix(config: LrkdConfig, work: Path) -> str:
    """Return the key prefix of checkpoints of exactly this configuration and these examples."""
    identity = f"{config.to_json()} {file_digest(work / 'train.arrow')}"
    return f"checkpoints/student/{hashlib.sha256(identity.encode()).hexdigest()[:32]}"


def train_on_examples(config: LrkdConfig, width: int, work: str, prefix: str, folder: str) -> dict:
    """Train on the examples below `work` in each process, and save in the first."""
    from datasets import Dataset

    from components.student.repeats import repeat_labelled

    torch.manual_seed(config.seed)
    examples = Dataset.from_file(f"{work}/train.arrow")
    student = new_student(config, width)
    frozen_states = None
    if isinstance(student, LateInteractionStudent):
        frozen_states = compute_frozen_states(student, examples)
        initialise_late_interaction(student, examples, config.class_weights, frozen_states)
    rows = repeat_labelled(examples)
    trainer = LrkdTrainer(config, student, training_arguments(config, work, len(rows)), rows, frozen_states)
    history = run_training(trainer, Checkpoints(work, prefix) if prefix else None) if config.epochs else []
    student = trainer.accelerator.unwrap_model(trainer.model).cpu().eval()
    temperature = fit_temperature(student, Dataset.from_file(f"{work}/held_out.arrow"))
    if trainer.is_world_process_zero():
        save(student, Path(work) / "tokenizer.json", config, temperature, Path(folder))
    return {"history": history, "temperature": temperature, "token_share": trainer.token_share}


def save_tokenizer(config: LrkdConfig, folder: Path) -> PairTokenizer:
    """Save the encoder's tokenizer below `folder`, as a package carries it, and load it."""
    backend = AutoTokenizer.from_pretrained(model_path(config.encoder)).backend_tokenizer
    backend.no_padding()  # some files carry a fixed one
    backend.no_truncation()
    backend.save(str(folder / "tokenizer.json"))
    return PairTokenizer(folder / "tokenizer.json", config.max_length, config.query_length)


def fit_temperature(student: Student, held_out) -> float:
    """Fit the temperature to the calibration fold, or return 1 without one."""
    if not len(held_out):
        return 1.0
    logits = predict_logits(student, held_out["query"], held_out["item"], held_out["overlap"])
    queries = {tuple(query) for query in held_out["query"]}
    return likeliest_temperature(logits, torch.tensor(held_out["label"]), len(queries))


def likeliest_temperature(logits: Tensor, labels: Tensor, queries: int) -> float:
    """Return the most likely temperature of logits (N, C), with a prior about 1.

    `labels` is (N,). Temperature scaling as of Guo et al. 2017. A query's pairs are alike and count as one, so that a
    fold of few queries moves the temperature little.
    """
    from scipy.optimize import minimize_scalar

    def negative_log_posterior(temperature: float) -> float:
        cross_entropy = torch.nn.functional.cross_entropy(logits / temperature, labels).item()
        return queries * cross_entropy + (math.log(temperature) / TEMPERATURE_SPREAD) ** 2 / 2

    return round(float(minimize_scalar(negative_log_posterior, bounds=(0.2, 5), method="bounded").x), 4)


def save(student: Student, tokenizer: Path, config: LrkdConfig, temperature: float, folder: Path) -> None:
    """Write weights, the encoder's configuration, ours, and the tokenizer."""
    folder.mkdir(parents=True, exist_ok=True)
    save_file(student.state_dict(), folder / "model.safetensors")
    student.encoder.config.save_pretrained(folder / "encoder")
    shutil.copy(tokenizer, folder / "tokenizer.json")
    values = asdict(config) | {
        "query_length": config.query_length,
        "distillation": config.distillation,
        "calibration_share": CALIBRATION_SHARE,
        "labels": contracts.LABELS,
        "temperature": temperature,
        "reasoning_width": student.extractor.out.out_features,
    }
    (folder / "config.json").write_text(json.dumps(values, indent=1))

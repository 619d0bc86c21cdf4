"""Distil: train the student on judgements and the teacher's rationale embeddings (LRKD), or in a variant of that."""

import hashlib
import json
import math
import shutil
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from safetensors.torch import save_file
from torch import Tensor
from transformers import AutoTokenizer

from components import contracts
from components.package_manifest import file_digest
from components.pretrained import model_path
from components.scoring.tokenizer import PairTokenizer
from components.student.config import LrkdConfig
from components.student.dataset import write_examples
from components.student.logits import logits_of
from components.student.model import Student, new_student
from components.student.overlap_head import fit_counted
from components.student.trainer import LrkdTrainer, settings_of
from components.training.arguments import run_training
from components.training.checkpoints import Checkpoints
from components.training.launch import on_every_gpu

SPREAD = 0.2  # standard deviation of the temperature's logarithm before anything is known of it


def train(training_set: str | Path, embeddings: str | Path, config: LrkdConfig, folder: str | Path) -> dict:
    """Train a student on every GPU of the machine and save it to `folder`: weights, configuration, tokenizer.

    Returns counts and curves.

    Raises:
        ValueError: no pair is left to train on, the configuration names what does not exist, or a loss is not a number.
    """
    rows, folder = contracts.count(training_set), Path(folder)
    with TemporaryDirectory() as work:
        tokenizer = student_tokenizer(config, Path(work))
        made = write_examples((training_set, embeddings), tokenizer, config, Path(work))
        prefix = checkpoints_of(config, Path(work)) if config.save_steps else ""
        if prefix:
            Checkpoints(work, prefix).fetch()
        said = on_every_gpu(tune, config, made["width"], work, prefix, str(folder))
        if prefix:
            Checkpoints(work, prefix).remove()
    known = made["known"] if config.variant != "cross_entropy" else 0
    curve = said["history"]
    return {
        "rows_in": rows,
        "rows_out": made["rows_out"],
        "set_aside": rows - made["rows_out"],
        "set_aside_why": made["set_aside_why"],
        "aligned": known,
        "not_aligned": made["rows_out"] - known,
        "variant": config.variant,
        **said,
        "figure": f"loss {curve[0]['cross_entropy']:.2f} to {curve[-1]['cross_entropy']:.2f}, {known} aligned",
    }


def checkpoints_of(config: LrkdConfig, work: Path) -> str:
    """Where the checkpoints of exactly this training lie: of this configuration and these examples."""
    said = f"{config.to_json()} {file_digest(work / 'train.arrow')}"
    return f"checkpoints/student/{hashlib.sha256(said.encode()).hexdigest()[:32]}"


def tune(config: LrkdConfig, width: int, work: str, prefix: str, folder: str) -> dict:
    """The training itself, of the examples below `work`, on each process of it; the first saves the student."""
    from datasets import Dataset

    torch.manual_seed(config.seed)
    examples = Dataset.from_file(f"{work}/train.arrow")
    student = new_student(config, width)
    if student.counted:
        fit_counted(student, examples, config.class_weights)
    trainer = LrkdTrainer(config, student, settings_of(config, work, len(examples)), examples)
    history = run_training(trainer, Checkpoints(work, prefix) if prefix else None)
    student = trainer.accelerator.unwrap_model(trainer.model).cpu().eval()
    temperature = fitted_temperature(student, Dataset.from_file(f"{work}/held_out.arrow"))
    if trainer.is_world_process_zero():
        save(student, Path(work) / "tokenizer.json", config, temperature, Path(folder))
    return {"history": history, "temperature": temperature, "token_share": trainer.token_share}


def student_tokenizer(config: LrkdConfig, folder: Path) -> PairTokenizer:
    """The encoder's tokenizer, saved below `folder` as the file that a package carries."""
    backend = AutoTokenizer.from_pretrained(model_path(config.encoder)).backend_tokenizer
    backend.no_padding()  # some files carry a fixed one
    backend.no_truncation()
    backend.save(str(folder / "tokenizer.json"))
    return PairTokenizer(folder / "tokenizer.json", config.max_length, config.query_length)


def fitted_temperature(student: Student, held_out) -> float:
    """The temperature of the held-out fold; 1 where there is no fold."""
    if not len(held_out):
        return 1.0
    logits = logits_of(student, held_out["query"], held_out["item"], held_out["overlap"])
    return likeliest_temperature(logits, torch.tensor(held_out["label"]), len(set(map(tuple, held_out["query"]))))


def likeliest_temperature(logits: Tensor, labels: Tensor, queries: int) -> float:
    """The temperature that makes labels (N,) likeliest (Guo et al. 2017), of logits (N, C), with a prior about 1.

    A query's pairs are alike and count as one, so that a fold of few queries does not move it far: their luck is no
    reason to be less sure of every answer.
    """
    from scipy.optimize import minimize_scalar

    def surprise(temperature: float) -> float:
        told = torch.nn.functional.cross_entropy(logits / temperature, labels).item()
        return queries * told + (math.log(temperature) / SPREAD) ** 2 / 2

    return round(float(minimize_scalar(surprise, bounds=(0.2, 5), method="bounded").x), 4)


def save(student: Student, tokenizer: Path, config: LrkdConfig, temperature: float, folder: Path) -> None:
    """Write weights, the encoder's configuration, ours, and the tokenizer."""
    folder.mkdir(parents=True, exist_ok=True)
    save_file(student.state_dict(), folder / "model.safetensors")
    student.encoder.config.save_pretrained(folder / "encoder")
    shutil.copy(tokenizer, folder / "tokenizer.json")
    saved = asdict(config) | {
        "labels": contracts.LABELS,
        "temperature": temperature,
        "reasoning_width": student.extractor.out.out_features,
    }
    (folder / "config.json").write_text(json.dumps(saved, indent=1))

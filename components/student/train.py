"""Distil: train the student on judgements and the teacher's rationale embeddings (LRKD), or on judgements alone."""

import hashlib
import json
import math
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer

from components import contracts
from components.facts import Progress
from components.models import model_path
from components.student.model import LrkdConfig, lrkd_terms, new_student
from components.student.score import inputs, item_text

LABEL_INDEX = {label: index for index, label in enumerate(contracts.LABELS)}
CHUNK_BATCHES = 32  # batches that are drawn together and sorted by length


def train(training_set: str | Path, embeddings: str | Path, config: LrkdConfig, folder: str | Path) -> dict:
    """Train a student and save it to `folder`: weights, configuration, tokenizer; return counts and curves.

    Raises:
        ValueError: no pair is left to train on, or a loss is not a number.
    """
    torch.manual_seed(config.seed)
    rows = list(contracts.read_batches(contracts.TRAINING_SET, training_set))
    trained, held_out = chosen(rows, config)
    if not trained:
        raise ValueError(f"{training_set}: no train pair is left to train on")
    targets = embeddings_by_pair(embeddings)
    tokenizer = student_tokenizer(config)
    student = new_student(config, width(targets, embeddings))
    history = optimise(student, Batches(trained, targets, tokenizer, config), config)
    temperature = fitted_temperature(student, held_out, tokenizer)
    save(student, tokenizer, config, temperature, Path(folder))
    aligned = sum((row["query_id"], row["item_id"]) in targets for row in trained) * (config.variant == "lrkd")
    return {
        "rows_in": len(rows),
        "rows_out": len(trained),
        "set_aside": len(rows) - len(trained),
        "set_aside_why": why_aside(rows, len(trained), len(held_out)),
        "aligned": aligned,
        "not_aligned": len(trained) - aligned,
        "temperature": temperature,
        "variant": config.variant,
        "history": history,
        "figure": f"loss {history[0]['cross_entropy']:.2f} to {history[-1]['cross_entropy']:.2f}, {aligned} aligned",
    }


def chosen(rows: Sequence[dict], config: LrkdConfig) -> tuple[list[dict], list[dict]]:
    """Train rows, and the fold that the temperature is fitted on; both whole queries, drawn by their names' hash."""
    trained, held_out = [], []
    for row in rows:
        if row["split"] == "train" and place(row, "share") < config.train_share:
            fold = held_out if place(row, "calibration") < config.calibration_share else trained
            fold.append(row)
    return trained, held_out


def place(row: dict, salt: str) -> float:
    """Where a query stands in [0, 1), for a salt."""
    digest = hashlib.sha256(f"{salt}\n{row['query_id']}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def why_aside(rows: Sequence[dict], trained: int, held_out: int) -> dict:
    """How many rows are not trained on, by reason."""
    splits = Counter(row["split"] for row in rows)
    other = splits["train"] - trained - held_out
    return {"valid": splits["valid"], "test": splits["test"], "calibration fold": held_out, "other queries": other}


def embeddings_by_pair(path: str | Path) -> dict[tuple[str, str], np.ndarray]:
    """The mean rationale embedding of each pair that has any: (E,) each."""
    sums: dict[tuple[str, str], list] = {}
    for row in contracts.read_batches(contracts.RATIONALE_EMBEDDINGS, path):
        sums.setdefault((row["query_id"], row["item_id"]), []).append(np.asarray(row["embedding"], np.float32))
    return {pair: np.mean(vectors, axis=0) for pair, vectors in sums.items()}


def width(targets: dict, path: str | Path) -> int:
    """E, from any embedding.

    Raises:
        ValueError: there is none.
    """
    if not targets:
        raise ValueError(f"{path} holds no rationale embedding: no final rationale kept the grammar")
    return len(next(iter(targets.values())))


def student_tokenizer(config: LrkdConfig) -> Tokenizer:
    """The encoder's tokenizer, without padding (some files carry a fixed one) and truncated to max_length."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(model_path(config.encoder)).backend_tokenizer
    tokenizer.no_padding()
    tokenizer.enable_truncation(config.max_length, strategy="longest_first")
    return tokenizer


class Batches:
    """Batches of pairs alike in length: chunks are drawn at random, sorted inside, and their batches shuffled."""

    def __init__(self, rows: Sequence[dict], targets: dict, tokenizer: Tokenizer, config: LrkdConfig):
        self.size, self.random = config.batch_size, random.Random(config.seed)
        self.encodings = tokenizer.encode_batch([(row["query"], item_text(row)) for row in rows])
        self.labels = torch.tensor([LABEL_INDEX[row["label"]] for row in rows])
        found = [targets.get((row["query_id"], row["item_id"])) for row in rows]
        self.known = torch.tensor([vector is not None for vector in found])
        nothing = np.zeros(len(next(iter(targets.values()))), np.float32)
        self.targets = torch.tensor(np.stack([nothing if vector is None else vector for vector in found]))
        self.count = math.ceil(len(rows) / self.size)

    def epoch(self) -> Iterator[tuple]:
        """Tokens, labels (B,), targets (B, E) and which are known (B,), batch by batch."""
        order = list(range(len(self.encodings)))
        self.random.shuffle(order)
        batches = []
        for first in range(0, len(order), self.size * CHUNK_BATCHES):
            chunk = sorted(order[first : first + self.size * CHUNK_BATCHES], key=lambda i: len(self.encodings[i].ids))
            batches += [chunk[at : at + self.size] for at in range(0, len(chunk), self.size)]
        self.random.shuffle(batches)
        for batch in batches:
            arrays = inputs([self.encodings[index] for index in batch])
            tokens = {name: torch.from_numpy(array) for name, array in arrays.items()}
            yield tokens, self.labels[batch], self.targets[batch], self.known[batch]


def optimise(student, batches: Batches, config: LrkdConfig) -> list[dict]:
    """AdamW with warm-up and linear decay; both terms and the gradient norm, about forty times a run.

    Raises:
        ValueError: a loss is not a number.
    """
    from transformers import get_linear_schedule_with_warmup

    steps = max(1, math.ceil(batches.count * config.epochs))
    head = [*student.extractor.parameters(), *student.classifier.parameters()]
    groups = [
        {"params": student.encoder.parameters(), "lr": config.learning_rate},
        {"params": head, "lr": config.head_learning_rate},
    ]
    optimiser = torch.optim.AdamW(groups, weight_decay=0.01)
    schedule = get_linear_schedule_with_warmup(optimiser, steps // 10, steps)
    weight = config.align_weight if config.variant == "lrkd" else 0.0
    progress, history = Progress(steps, "steps"), []
    student.train()
    batch = iter(())
    for step in range(steps):
        try:
            tokens, labels, targets, known = next(batch)
        except StopIteration:
            batch = batches.epoch()
            tokens, labels, targets, known = next(batch)
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16_is_fast()):
            output = student(**tokens)
        output = tuple(part.float() for part in output)
        cross_entropy, aligned = lrkd_terms(output, labels, targets, known, config)
        loss = cross_entropy + weight * aligned
        if not torch.isfinite(loss):
            raise ValueError(f"the loss is {loss.item()} at step {step}: lower learning_rate")
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(student.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        optimiser.zero_grad()
        progress.advance()
        if step % max(1, steps // 40) == 0 or step == steps - 1:
            terms = {"cross_entropy": cross_entropy, "alignment": aligned, "gradient_norm": norm}
            history.append({"step": step + 1} | {name: round(value.item(), 5) for name, value in terms.items()})
    student.eval()
    return history


def bf16_is_fast() -> bool:
    """Whether this CPU multiplies bfloat16 in hardware."""
    return bool(torch.cpu.get_capabilities().get("avx512_bf16"))


def fitted_temperature(student, rows: Sequence[dict], tokenizer: Tokenizer) -> float:
    """The temperature that makes the held-out fold's labels likeliest; 1 where there is no fold."""
    if not rows:
        return 1.0
    logits = predicted_logits(student, [(row["query"], item_text(row)) for row in rows], tokenizer)
    labels = torch.tensor([LABEL_INDEX[row["label"]] for row in rows])
    candidates = torch.logspace(-0.7, 0.7, 57)  # 0.2 to 5
    losses = [torch.nn.functional.cross_entropy(logits / temperature, labels) for temperature in candidates]
    return round(candidates[int(torch.stack(losses).argmin())].item(), 4)


def predicted_logits(student, pairs: Sequence[tuple[str, str]], tokenizer: Tokenizer) -> torch.Tensor:
    """Logits (N, C) of pairs, in their order, in full precision."""
    encodings = tokenizer.encode_batch(list(pairs))
    order = sorted(range(len(pairs)), key=lambda index: len(encodings[index].ids))
    logits = torch.zeros(len(pairs), len(contracts.LABELS))
    with torch.inference_mode():
        for first in range(0, len(order), 64):
            batch = order[first : first + 64]
            arrays = inputs([encodings[index] for index in batch])
            logits[batch] = student(**{name: torch.from_numpy(array) for name, array in arrays.items()})[0]
    return logits


def save(student, tokenizer: Tokenizer, config: LrkdConfig, temperature: float, folder: Path) -> None:
    """Write weights, the encoder's configuration, ours, and the tokenizer."""
    folder.mkdir(parents=True, exist_ok=True)
    save_file(student.state_dict(), folder / "model.safetensors")
    student.encoder.config.save_pretrained(folder / "encoder")
    tokenizer.save(str(folder / "tokenizer.json"))
    saved = asdict(config) | {
        "labels": contracts.LABELS,
        "temperature": temperature,
        "reasoning_width": student.classifier.in_features - student.encoder.config.hidden_size,
    }
    (folder / "config.json").write_text(json.dumps(saved, indent=1))

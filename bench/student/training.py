"""Training speed of the student beside the Trainer of transformers as it comes, which pads random batches.

`python -m bench.student.training FOLDER CONFIG KIND` prints one measurement of a kind as JSON.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from components.student.config import LrkdConfig

STEPS = 20
KINDS = ("ours", "trainer", "trainer_without_dropout")
PEER_INPUTS = ("input_ids", "attention_mask", "token_type_ids", "labels")


def training_speed(folder: Path, config: LrkdConfig, rounds: int = 5) -> dict:
    """Measure pairs a CPU second of our training over the Trainer's.

    The peer is a cross-encoder of the same encoder and tokens. Every measurement is a process of its own on one thread,
    and the kinds take turns. The Trainer without dropout shows how much of the difference is dropout's.
    """
    rates: dict[str, list] = {kind: [] for kind in KINDS}
    token_shares = {}
    for number in range(rounds):
        for kind in KINDS[number % 3 :] + KINDS[: number % 3]:
            measurement = run_worker(folder, replace(config, seed=number), kind)
            rates[kind].append(measurement["rate"])
            token_shares[kind] = measurement["token_share"]
    figures = {"training_pairs_per_cpu_second": round(float(np.median(rates["ours"])), 1)}
    for kind, suffix in (("trainer", ""), ("trainer_without_dropout", "_trainer_without_dropout")):
        ratios = np.array(rates["ours"]) / np.array(rates[kind])
        figures[f"training_speedup{suffix}"] = round(float(np.median(ratios)), 3)
        figures[f"training_speedup{suffix}_low"] = round(float(ratios.min()), 3)
        figures[f"training_speedup{suffix}_high"] = round(float(ratios.max()), 3)
    figures |= {"training_token_share": token_shares["ours"], "training_token_share_trainer": token_shares["trainer"]}
    return figures


def run_worker(folder: Path, config: LrkdConfig, kind: str) -> dict:
    """Measure one kind in a process of its own."""
    command = [sys.executable, "-m", "bench.student.training", str(folder), config.to_json(), kind]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return json.loads(output.splitlines()[-1])


def measure_training(folder: str, config: str, kind: str) -> dict:
    """Measure pairs a CPU second over a few steps, without the first, and the share of tokens."""
    import torch
    from datasets import Dataset

    torch.set_num_threads(1)
    config = LrkdConfig.from_json(config)
    lengths: list[tuple[int, int]] = []
    step_ends: list[float] = []
    with TemporaryDirectory() as work:
        width = write_esci_examples(Path(folder).parent / "ablation" / "esci", config, Path(work))
        examples = Dataset.from_file(f"{work}/train.arrow")
        trainer = our_trainer(config, examples, work, width) if kind == "ours" else peer_trainer(config, examples, work)
        trainer.data_collator = counting_collator(trainer.data_collator, lengths)
        trainer.args.max_steps = STEPS
        if kind == "trainer_without_dropout":
            remove_dropout(trainer.model)
        trainer.add_callback(step_clock(step_ends))
        trainer.train()
    tokens, padded_tokens = np.sum(lengths, axis=0)
    rate = (STEPS - 1) * config.batch_size / (step_ends[-1] - step_ends[0])
    return {"rate": rate, "token_share": round(float(tokens / padded_tokens), 4)}


def write_esci_examples(tables: Path, config: LrkdConfig, work: Path) -> int:
    """Write the examples of ESCI's training set with rationales by rule, and return the embeddings' width."""
    from components.student.dataset import write_examples
    from components.student.train import save_tokenizer

    paths = (tables / "training_set", tables / "embeddings-rule")
    return write_examples(paths, save_tokenizer(config, work), config, work).embedding_width


def our_trainer(config: LrkdConfig, examples, work: str, width: int):
    """Return the student's trainer."""
    from components.student.model import new_student
    from components.student.trainer import LrkdTrainer, training_arguments

    return LrkdTrainer(config, new_student(config, width), training_arguments(config, work, len(examples)), examples)


def peer_trainer(config: LrkdConfig, examples, work: str):
    """Return the Trainer as it comes, with a cross-encoder that reads the same tokens of each pair."""
    from transformers import AutoModelForSequenceClassification, Trainer, TrainingArguments

    from components.contracts import LABELS
    from components.pretrained import model_path
    from components.student.trainer import collate

    model = AutoModelForSequenceClassification.from_pretrained(model_path(config.encoder), num_labels=len(LABELS))
    arguments = TrainingArguments(
        work,
        per_device_train_batch_size=config.batch_size,
        learning_rate=config.learning_rate,
        seed=config.seed,
        use_cpu=True,
        report_to="none",
        save_strategy="no",
        remove_unused_columns=False,
    )

    def collate_peer_inputs(rows: list[dict]) -> dict:
        batch = collate(rows)
        return {name: batch[name] for name in PEER_INPUTS}

    return Trainer(model, arguments, data_collator=collate_peer_inputs, train_dataset=examples)


def remove_dropout(model) -> None:
    """Set every dropout rate of a model to 0."""
    import torch

    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0


def step_clock(step_ends: list[float]):
    """Return a callback that notes the process's CPU time at the end of each step."""
    from transformers import TrainerCallback

    class StepClock(TrainerCallback):
        def on_step_end(self, args, state, control, **kwargs):
            step_ends.append(time.process_time())

    return StepClock()


def counting_collator(collate: Callable, lengths: list[tuple[int, int]]) -> Callable:
    """Return a collator that also notes the tokens of each batch, without and with padding."""

    def collate_and_count(rows: list[dict]) -> dict:
        batch = collate(rows)
        mask = batch["attention_mask"]
        lengths.append((int(mask.sum()), mask.numel()))
        return batch

    return collate_and_count


if __name__ == "__main__":
    print(json.dumps(measure_training(*sys.argv[1:])))

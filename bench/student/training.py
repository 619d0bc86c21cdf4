"""How fast the student trains beside the Trainer of transformers as it comes: random batches, padded to the longest.

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


def training(folder: Path, config: LrkdConfig, rounds: int = 5) -> dict:
    """Pairs a CPU second of our training over the Trainer's, of a cross-encoder of the same encoder and tokens.

    Every measurement is a process of its own on one thread; the kinds take turns. The Trainer without dropout, too,
    says how much of the difference is dropout's.
    """
    rates: dict[str, list] = {kind: [] for kind in KINDS}
    shares = {}
    for number in range(rounds):
        for kind in KINDS[number % 3 :] + KINDS[: number % 3]:
            command = [sys.executable, "-m", "bench.student.training", str(folder)]
            command += [replace(config, seed=number).to_json(), kind]
            said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            found = json.loads(said.splitlines()[-1])
            rates[kind].append(found["rate"])
            shares[kind] = found["token_share"]
    found = {"training_pairs_per_cpu_second": round(float(np.median(rates["ours"])), 1)}
    for kind, label in (("trainer", ""), ("trainer_without_dropout", "_trainer_without_dropout")):
        ratios = np.array(rates["ours"]) / np.array(rates[kind])
        found[f"training_speedup{label}"] = round(float(np.median(ratios)), 3)
        found[f"training_speedup{label}_low"] = round(float(ratios.min()), 3)
        found[f"training_speedup{label}_high"] = round(float(ratios.max()), 3)
    return found | {"training_token_share": shares["ours"], "training_token_share_trainer": shares["trainer"]}


def trained_for_a_moment(folder: str, config: str, kind: str) -> dict:
    """Pairs a CPU second of so many steps, of which the first is not counted, and how much of them is tokens."""
    import torch
    from datasets import Dataset
    from transformers import TrainerCallback

    from components.student.dataset import write_examples
    from components.student.train import save_tokenizer

    torch.set_num_threads(1)
    settings, ended = LrkdConfig.from_json(config), []
    known = Path(folder).parent / "ablation" / "esci"
    with TemporaryDirectory() as work:
        tokenizer = save_tokenizer(settings, Path(work))
        made = write_examples((known / "training_set", known / "embeddings-rule"), tokenizer, settings, Path(work))
        examples = Dataset.from_file(f"{work}/train.arrow")
        lengths: list[tuple[int, int]] = []
        trainer = (
            ours(settings, examples, work, made.embedding_width) if kind == "ours" else peer(settings, examples, work)
        )
        trainer.data_collator = noting(trainer.data_collator, lengths)
        trainer.args.max_steps = STEPS
        if kind == "trainer_without_dropout":
            for part in trainer.model.modules():
                if isinstance(part, torch.nn.Dropout):
                    part.p = 0.0

        class Clock(TrainerCallback):
            def on_step_end(self, args, state, control, **kwargs):
                ended.append(time.process_time())

        trainer.add_callback(Clock())
        trainer.train()
    tokens, places = np.sum(lengths, axis=0)
    rate = (STEPS - 1) * settings.batch_size / (ended[-1] - ended[0])
    return {"rate": rate, "token_share": round(float(tokens / places), 4)}


def ours(config: LrkdConfig, examples, work: str, width: int):
    """The student's trainer."""
    from components.student.model import new_student
    from components.student.trainer import LrkdTrainer, training_arguments

    return LrkdTrainer(config, new_student(config, width), training_arguments(config, work, len(examples)), examples)


def peer(config: LrkdConfig, examples, work: str):
    """The Trainer as it comes, on a cross-encoder of the same encoder, which reads the same tokens of each pair."""
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
    reads = ("input_ids", "attention_mask", "token_type_ids", "labels")

    def padded_to_the_longest(rows):
        batch = collate(rows)
        return {name: batch[name] for name in reads}

    return Trainer(model, arguments, data_collator=padded_to_the_longest, train_dataset=examples)


def noting(collate: Callable, lengths: list) -> Callable:
    """The same batches; `lengths` gets tokens and places of each."""

    def noted(rows):
        batch = collate(rows)
        mask = batch["attention_mask"]
        lengths.append((int(mask.sum()), mask.numel()))
        return batch

    return noted


if __name__ == "__main__":
    print(json.dumps(trained_for_a_moment(*sys.argv[1:])))

"""The trainer of transformers with the student's loss: pairs alike in length together, both terms and norms logged."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from transformers import Trainer, TrainingArguments

from components.contracts import LABELS
from components.scoring.tokenizer import pad_pairs
from components.student.config import LrkdConfig
from components.student.losses import class_weights, second_term
from components.student.model import Student
from components.training import arguments

TOKENS = ("input_ids", "attention_mask", "token_type_ids", "overlap")
LOGGED = 40  # times a run


def settings_of(config: LrkdConfig, folder: str, rows: int) -> TrainingArguments:
    """The trainer's arguments: batches of like length, the order reproducible from the seed."""
    steps = math.ceil(rows * config.epochs / config.batch_size)
    return TrainingArguments(
        **arguments.trainer_arguments(config, folder)
        | {
            "logging_steps": max(1, steps // LOGGED),
            "logging_first_step": True,
            "weight_decay": 0.01,
            "train_sampling_strategy": "group_by_length",
            "remove_unused_columns": False,
        }
    )


def collated(rows: Sequence[dict]) -> dict[str, Tensor]:
    """A batch of EXAMPLES rows, padded to its longest pair."""
    queries, items = [row["query"] for row in rows], [row["item"] for row in rows]
    return {name: torch.from_numpy(array) for name, array in pad_pairs(queries, items).items()} | {
        "overlap": torch.tensor([row["overlap"] for row in rows]),
        "labels": torch.tensor([row["label"] for row in rows]),
        "targets": torch.tensor([row["target"] for row in rows]),
        "probabilities": torch.tensor([row["probabilities"] for row in rows]),
        "known": torch.tensor([row["known"] for row in rows]),
    }


class LrkdTrainer(Trainer):
    """Trains a student; what it logs holds the loss's terms and how strongly each pulls, about forty times a run."""

    def __init__(self, config: LrkdConfig, student: Student, settings: TrainingArguments, examples):
        super().__init__(model=student, args=settings, train_dataset=examples, data_collator=collated)
        self.config, self.terms, self.seen = config, {}, [0, 0]  # tokens, and places of them
        labels = torch.tensor(examples["label"])
        weights = class_weights(labels, len(LABELS), config.class_weights)
        self.class_weights = None if weights is None else weights.to(self.args.device)
        self.weight = 0.0 if config.variant == "cross_entropy" else config.align_weight

    @property
    def token_share(self) -> float:
        """How much of the batches is tokens, not padding."""
        return round(self.seen[0] / max(1, self.seen[1]), 4)

    def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
        """Cross-entropy on the judgement, and the second term by its weight (method: LRKD loss)."""
        output = model(**{name: inputs[name] for name in TOKENS})
        self.seen[0] += int(inputs["attention_mask"].sum())
        self.seen[1] += inputs["attention_mask"].numel()
        terms = {
            "cross_entropy": cross_entropy(output[0], inputs["labels"], self.class_weights),
            "alignment": second_term(output, inputs, self.config),
        }
        if (self.state.global_step + 1) % self.args.logging_steps == 0 or self.state.global_step == 0:
            self.note(terms)
        loss = terms["cross_entropy"] + self.weight * terms["alignment"]
        return (loss, output) if return_outputs else loss

    def note(self, terms: dict[str, Tensor]) -> None:
        """Both terms, and how strongly each pulls at the encoder's last layer."""
        student = self.accelerator.unwrap_model(self.model)
        pulled = [part for part in student.layers[-1].parameters() if part.requires_grad]
        for name, term in terms.items():
            slopes = torch.autograd.grad(term, pulled, retain_graph=True, allow_unused=True)
            norm = math.sqrt(sum(float((slope**2).sum()) for slope in slopes if slope is not None))
            self.terms |= {name: round(term.item(), 5), f"{name}_gradient": round(norm, 5)}

    def log(self, logs, start_time=None):
        """What the trainer logs of a step, and the terms."""
        super().log(logs | self.terms if "loss" in logs else logs, start_time)

    def create_optimizer(self, model=None):
        """AdamW; the head learns at a rate of its own."""
        student = self.accelerator.unwrap_model(self.model)
        head = [each for name, each in student.named_parameters() if not name.startswith("encoder.")]
        groups = [
            {"params": list(student.encoder.parameters()), "lr": self.config.learning_rate},
            {"params": head, "lr": self.config.head_learning_rate},
        ]
        self.optimizer = torch.optim.AdamW(groups, weight_decay=self.args.weight_decay, fused=True)
        return self.optimizer

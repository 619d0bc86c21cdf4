"""The trainer of transformers with the student's loss. It batches pairs of like length and logs both loss terms."""

import math
from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor
from transformers import Trainer, TrainingArguments

from components.contracts import LABELS
from components.scoring.tokenizer import pad_pairs
from components.student.config import LrkdConfig
from components.student.encoder import encoder_layers
from components.student.frozen_states import FrozenStates
from components.student.losses import class_weights, distillation_loss, pair_weights, weighed_cross_entropy
from components.student.model import Student
from components.training import arguments
from components.training.attention import choose_attention

LOGS_A_RUN = 40


def training_arguments(config: LrkdConfig, folder: str, rows: int) -> TrainingArguments:
    """Build the trainer's arguments: batches of like length, in an order that the seed decides."""
    steps = math.ceil(rows * config.epochs / config.batch_size)
    student_arguments = {
        "logging_steps": max(1, steps // LOGS_A_RUN),
        "logging_first_step": True,
        "weight_decay": 0.01,
        "train_sampling_strategy": "group_by_length",
        "remove_unused_columns": False,
    }
    return TrainingArguments(**arguments.trainer_arguments(config, folder) | student_arguments)


def collate(rows: Sequence[dict], frozen_states: FrozenStates | None = None) -> dict[str, Tensor]:
    """Return a batch of EXAMPLES rows, padded to its longest pair."""
    queries = [row["query"] for row in rows]
    items = [row["item"] for row in rows]
    batch = {name: torch.from_numpy(array) for name, array in pad_pairs(queries, items).items()}
    for name in ("label", "teacher_label", "teacher_weight", "overlap", "rationale_embedding", "has_rationale"):
        batch[name] = torch.tensor([row[name] for row in rows])
    if frozen_states is not None:
        batch["frozen_states"] = frozen_states.pad(queries, items)
    return batch


class LrkdTrainer(Trainer):
    """Trains a student, and logs both loss terms with their gradient norms."""

    def __init__(
        self,
        config: LrkdConfig,
        student: Student,
        settings: TrainingArguments,
        examples,
        frozen_states: FrozenStates | None = None,
    ):
        choose_attention(student.encoder)
        collate_rows = partial(collate, frozen_states=frozen_states)
        super().__init__(model=student, args=settings, train_dataset=examples, data_collator=collate_rows)
        self.config = config
        self.inputs = student.inputs if frozen_states is None else (*student.inputs, "frozen_states")
        self.logged_terms: dict[str, float] = {}
        self.tokens = 0
        self.padded_tokens = 0
        labels = torch.tensor(examples["label"])
        self.mean_weight = pair_weights(labels, torch.tensor(examples["teacher_weight"])).mean().item()
        weights = class_weights(labels, len(LABELS), config.class_weights)
        self.class_weights = None if weights is None else weights.to(self.args.device)

    @property
    def token_share(self) -> float:
        """Return the share of the batches that is tokens, not padding."""
        return round(self.tokens / max(1, self.padded_tokens), 4)

    def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
        """Compute cross-entropy on the judgement or the teacher's label, plus lambda times the distillation loss."""
        logits, reasoning = model(**{name: inputs[name] for name in self.inputs})
        self.tokens += int(inputs["attention_mask"].sum())
        self.padded_tokens += inputs["attention_mask"].numel()
        terms = {
            "cross_entropy": self.compute_cross_entropy(logits, inputs),
            "alignment": distillation_loss(reasoning, inputs["rationale_embedding"], inputs["has_rationale"]),
        }
        if (self.state.global_step + 1) % self.args.logging_steps == 0 or self.state.global_step == 0:
            self.note_terms(terms)
        loss = terms["cross_entropy"] + self.config.align_weight * terms["alignment"]
        return (loss, (logits, reasoning)) if return_outputs else loss

    def compute_cross_entropy(self, logits: Tensor, inputs: dict[str, Tensor]) -> Tensor:
        """Compute cross-entropy where people or a teacher gave a label: people's counts 1."""
        labels = inputs["label"]
        weights = pair_weights(labels, inputs["teacher_weight"])
        labels = torch.where(labels >= 0, labels, inputs["teacher_label"])
        return weighed_cross_entropy(logits, labels, weights, self.class_weights, self.mean_weight)

    def note_terms(self, terms: dict[str, Tensor]) -> None:
        """Keep each term and the norm of its gradient.

        It is that of the encoder's last layer, or of the head where the encoder is frozen.
        """
        student = self.accelerator.unwrap_model(self.model)
        last_layer = list(encoder_layers(student.encoder)[-1].parameters())
        weights = [weight for weight in last_layer if weight.requires_grad] or list(student.extractor.parameters())
        for name, term in terms.items():
            gradients = torch.autograd.grad(term, weights, retain_graph=True, allow_unused=True)
            norm = math.sqrt(sum(float((gradient**2).sum()) for gradient in gradients if gradient is not None))
            self.logged_terms |= {name: round(term.item(), 5), f"{name}_gradient": round(norm, 5)}

    def log(self, logs, start_time=None):
        """Log a step with its loss terms."""
        super().log(logs | self.logged_terms if "loss" in logs else logs, start_time)

    def create_optimizer(self, model=None):
        """Build AdamW, with a learning rate of its own for the head."""
        student = self.accelerator.unwrap_model(self.model)
        head = [weight for name, weight in student.named_parameters() if not name.startswith("encoder.")]
        encoder = [weight for weight in student.encoder.parameters() if weight.requires_grad]
        groups = [
            {"params": encoder, "lr": self.config.learning_rate},
            {"params": head, "lr": self.config.head_learning_rate},
        ]
        groups = [group for group in groups if group["params"]]
        self.optimizer = torch.optim.AdamW(groups, weight_decay=self.args.weight_decay, fused=True)
        return self.optimizer

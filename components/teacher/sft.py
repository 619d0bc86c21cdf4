"""Supervised fine-tuning of the teacher on right rationales: LoRA, the unified prompt, loss on the completion alone."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from components import contracts
from components.base_models import model_digest, save_base_model
from components.config import JsonConfig
from components.teacher.checkpoints import Checkpoints, place
from components.teacher.prompts import prompts_of
from components.teacher.trainer import adapter, merge, settings_of, trained
from components.teacher_prompt import answer


@dataclass(frozen=True)
class SftConfig(JsonConfig):
    """The paper's figures (second-hand): r 16, 3 epochs, 5e-5. `rows` caps what is trained on; 0 takes all."""

    rank: int = 16  # of LoRA; 0 tunes all weights, which teaches a small model faster
    epochs: float = 3.0
    learning_rate: float = 5e-5
    batch_size: int = 8
    max_length: int = 1024
    rows: int = 0
    max_steps: int = -1
    save_steps: int = 50  # a checkpoint is written so often
    seed: int = 0


def sft(rationales: str | Path, judgements: str | Path, model: str | Path, config: SftConfig, out: str | Path) -> dict:
    """Tune `model` on the rationales that end in the judged label; save it merged, as safetensors, with its curve.

    Raises:
        ValueError: no rationale is right, so there is nothing to learn from; or the loss is not a number.
    """
    from datasets import Dataset
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from trl import SFTConfig as TrlConfig
    from trl import SFTTrainer

    asked = contracts.count(rationales)
    rows = chosen_rows(contracts.read_batches(contracts.RATIONALES, rationales), config.rows)
    if not rows:
        raise ValueError(
            f"none of {asked} rationales ends in the judged label: sample more, or start the teacher with exemplars"
        )
    prompts = prompts_of(rows, judgements, model)
    examples = [{"prompt": prompts[row["query_id"], row["item_id"]], "completion": answer(row)} for row in rows]
    with TemporaryDirectory() as folder:
        trainer = SFTTrainer(
            model=AutoModelForCausalLM.from_pretrained(model, dtype="auto"),
            args=TrlConfig(
                **settings_of(config, folder),
                train_sampling_strategy="group_by_length",
                packing=False,
                completion_only_loss=True,
            ),
            train_dataset=Dataset.from_list(examples),
            processing_class=AutoTokenizer.from_pretrained(model),
            peft_config=adapter(config.rank),
        )
        saved = Checkpoints(folder, place("sft", model_digest(model), config, examples))
        curve = trained(trainer, saved)
        merge(trainer, saved, out)
    labels = {label: sum(row["label"] == label for row in rows) for label in contracts.LABELS}
    return {
        "rows_in": asked,
        "rows_out": len(rows),
        "set_aside": asked - len(rows),
        "labels": labels,
        "curve": curve,
        "steps": trainer.state.global_step,
        "model_digest": model_digest(out),
        "figure": f"loss {curve[0]['loss']:.2f} to {curve[-1]['loss']:.2f}",
    }


def start(exemplars: str | Path, judgements: str | Path, base: str, config: SftConfig, out: str | Path) -> dict:
    """The model that rationales are first sampled from: the base model, tuned on exemplars where there are any.

    A small model cannot be prompted into usable rationales; a large one (the paper's) starts with no exemplar.
    """
    with TemporaryDirectory() as folder:
        said = save_base_model(base, folder if contracts.count(exemplars) else out)
        if not contracts.count(exemplars):
            return {"rows_in": 0, "rows_out": 0, "set_aside": 0, **said}
        tuned = sft(exemplars, judgements, folder, config, out)
    return said | tuned | {"exemplars": tuned["rows_out"], "figure": f"cold start, {tuned['figure']}"}


def chosen_rows(rows: Iterable[dict], limit: int) -> list[dict]:
    """The right rationales, at most `limit`, taken equally from each label while it has any."""
    by_label: dict[str, list[dict]] = {}
    for row in rows:
        if row["predicted_label"] == row["label"]:
            by_label.setdefault(row["label"], []).append(row)
    for group in by_label.values():
        group.sort(key=lambda row: hashlib.sha256(row["key"].encode()).digest())
    rounds = list(in_turn([by_label[label] for label in sorted(by_label)]))
    return rounds[:limit] if limit else rounds


def in_turn(groups: list[list[dict]]) -> Iterator[dict]:
    """One of each group in turn, until all are empty."""
    for depth in range(max(map(len, groups), default=0)):
        yield from (group[depth] for group in groups if depth < len(group))

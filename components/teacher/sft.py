"""Supervised fine-tuning of the teacher on right rationales: LoRA, the unified prompt, loss on the completion alone."""

from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

from components import contracts
from components.model_reference import ModelReference, write_reference
from components.model_store import describe_model, models_folder, open_model, publish_tuned_model
from components.pretrained import base_digest
from components.step_result import StepResult
from components.teacher.config import SftConfig
from components.teacher.log_probabilities import mean_token_loss
from components.teacher.merge import CHANGES, WHOLE, merge_and_save
from components.teacher.sft_rows import SftRows, select_rows
from components.teacher.trainer import load_model, lora_config, trl_arguments
from components.training.arguments import run_training
from components.training.checkpoints import Checkpoints, checkpoint_prefix
from components.training.launch import on_every_gpu

LOSS_ROWS = 16  # on which the merged model's loss is measured


def sft(
    rationales: str | Path, judgements: str | Path, model: str | Path, config: SftConfig, out: str | Path
) -> StepResult:
    """Tune `model` on the right rationales, on every GPU, and save what changed.

    `out` gets a reference, which `components.model_store.open_model` makes whole.

    Raises:
        ValueError: no rationale is right, or none fits in max_length, so there is nothing to learn from; rows are to be
            packed where attention would mix them; or the loss is not a number.
    """
    from datasets import Dataset

    if config.packing and not can_pack():
        raise ValueError("sft_config's packing needs a GPU and the package flash-attn, or rows would read one another")
    parent = describe_model(model)
    base = open_model(model)
    selection = select_rows(rationales, judgements, base, config)
    with TemporaryDirectory(dir=models_folder()) as folder:
        Dataset.from_list(selection.examples).save_to_disk(f"{folder}/rows")
        prefix = checkpoint_prefix("sft", parent.digest, config, selection.examples)
        checkpoints = Checkpoints(folder, prefix)
        checkpoints.fetch()
        work = Path(folder, "tuned")
        training = on_every_gpu(train_sft, base, config, folder, prefix, str(work))
        reference = publish_tuned_model(parent, work / CHANGES, work / WHOLE, out)
        checkpoints.remove()
    return sft_result(contracts.count(rationales), selection, training, reference.digest)


def sft_result(total: int, selection: SftRows, training: dict, digest: str) -> StepResult:
    """Return counts, curve and balance of a training."""
    rows = len(selection.rows)
    labels = Counter(row["label"] for row in selection.rows)
    details = training | {
        "set_aside_why": selection.quarantine_counts(total),
        "right_by_label": selection.right_by_label,
        "labels": {label: labels[label] for label in contracts.LABELS},
        "model_digest": digest,
    }
    curve = training["curve"]
    headline = f"loss {curve[0]['loss']:.2f} to {curve[-1]['loss']:.2f}"
    return StepResult(total, rows, total - rows, headline, details)


def train_sft(model: str, config: SftConfig, folder: str, prefix: str, out: str) -> dict:
    """Train on the rows below `folder` as one process of all.

    The first process merges and saves, and measures the loss of what is saved.
    """
    from datasets import load_from_disk
    from transformers import AutoTokenizer
    from trl import SFTConfig as TrlConfig
    from trl import SFTTrainer

    rows = load_from_disk(f"{folder}/rows")
    attention = {"attn_implementation": "flash_attention_2"} if config.packing else {}
    teacher = load_model(model, config, **attention)
    trainer = SFTTrainer(
        model=teacher,
        args=TrlConfig(**sft_arguments(config, folder)),
        train_dataset=rows,
        processing_class=AutoTokenizer.from_pretrained(model),
        peft_config=lora_config(teacher, config),
    )
    result = {"curve": run_training(trainer, Checkpoints(folder, prefix)), "steps": trainer.state.global_step}
    if trainer.is_world_process_zero():
        result["merge_cosine"] = merge_and_save(trainer, model, out)
        examples = list(rows.select(range(min(LOSS_ROWS, len(rows)))))
        result["merged_loss"] = mean_token_loss(trainer.model, trainer.processing_class, examples)
    return result


def sft_arguments(config: SftConfig, folder: str | Path) -> dict:
    """Build TRL's arguments: loss on the completion alone, rows grouped by length, or packed."""
    order = {"packing": True} if config.packing else {"train_sampling_strategy": "group_by_length"}
    return trl_arguments(config, folder) | order | {"completion_only_loss": True}


def can_pack() -> bool:
    """Return True where flash attention keeps the rows of one sequence from reading one another."""
    import torch
    from transformers.utils import is_flash_attn_2_available

    return torch.cuda.is_available() and is_flash_attn_2_available()


def start(exemplars: str | Path, judgements: str | Path, base: str, config: SftConfig, out: str | Path) -> StepResult:
    """Pass the base model on, tuned on exemplars where there are any.

    Rationales are first sampled from it. A small model cannot be prompted into usable rationales; a large one (the
    paper's) starts without exemplars.
    """
    reference = ModelReference(base, base_digest(base))
    base_model = {"model": base, "digest": reference.digest}
    if not contracts.count(exemplars):
        write_reference(reference, out)
        return StepResult(0, 0, details=base_model)
    with TemporaryDirectory() as folder:
        write_reference(reference, folder)
        result = sft(exemplars, judgements, folder, config, out)
    details = base_model | dict(result.details) | {"exemplars": result.rows_out}
    headline = f"cold start, {result.headline}"
    return StepResult(result.rows_in, result.rows_out, result.quarantined, headline, details)

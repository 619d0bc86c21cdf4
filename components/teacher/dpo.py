"""Direct preference optimisation: the teacher learns to prefer the perspective that was right (MPCoT, step 3)."""

import math
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

from components.model_store import describe_model, models_folder, open_model, publish_tuned_model
from components.step_result import StepResult
from components.teacher.config import MARGIN_STEPS, DpoConfig
from components.teacher.dpo_rows import DpoRows, select_pairs, trl_example
from components.teacher.log_probabilities import pair_logprobs, preference_margin
from components.teacher.merge import CHANGES, WHOLE, merge_and_save
from components.teacher.trainer import load_model, lora_config, trl_arguments
from components.training.arguments import run_training
from components.training.checkpoints import Checkpoints, checkpoint_prefix
from components.training.launch import on_every_gpu


def dpo(pairs: str | Path, model: str | Path, config: DpoConfig, out: str | Path) -> StepResult:
    """Tune `model` on preference pairs with itself as the reference, and save what changed.

    It is trained on every GPU of the machine.

    Raises:
        ValueError: there are no pairs, or none fits in max_length; the loss is not a number; or a strict training did
            not raise the held-out margin.
    """
    parent = describe_model(model)
    base = open_model(model)
    selection = select_pairs(pairs, base, config)
    with TemporaryDirectory(dir=models_folder()) as folder:
        save_dataset(selection.rows, f"{folder}/rows")
        if selection.held_out:  # a dataset of no rows cannot be read back
            save_dataset(selection.held_out, f"{folder}/held")
        prefix = checkpoint_prefix("dpo", parent.digest, config, selection.rows)
        checkpoints = Checkpoints(folder, prefix)
        checkpoints.fetch()
        work = Path(folder, "tuned")
        training = on_every_gpu(train_dpo, base, config, folder, prefix, str(work))
        reference = publish_tuned_model(parent, work / CHANGES, work / WHOLE, out)
        checkpoints.remove()
    return dpo_result(selection, training, config, reference.digest)


def dpo_result(selection: DpoRows, training: dict, config: DpoConfig, digest: str) -> StepResult:
    """Return counts, curve and held-out margins of a training.

    Raises:
        ValueError: the held-out margin did not rise, and the configuration is strict.
    """
    before, after, curve = (training[name] for name in ("before", "after", "curve"))
    details = {
        "set_aside_why": selection.quarantine_counts(),
        "balance": Counter(f"{row['label']}, {row['chosen_perspective']}" for row in selection.rows),
        "curve": curve,
        "steps": training["steps"],
        "merge_cosine": training["merge_cosine"],
        "held_out": {"pairs": len(selection.held_out), "before": before, "after": after},
        "warning": margin_warning(before, after, training["steps"], config),
        "model_digest": digest,
    }
    headline = f"margin {curve[-1].get('rewards/margins', math.nan):+.3f}"
    if selection.held_out:
        headline += f", held out {before['margin']:+.3f} to {after['margin']:+.3f}"
    count = len(selection.rows)
    return StepResult(selection.total, count, selection.total - count, headline, details)


def save_dataset(rows: list[dict], folder: str) -> None:
    """Save pairs as TRL's examples."""
    from datasets import Dataset

    Dataset.from_list(list(map(trl_example, rows))).save_to_disk(folder)


def train_dpo(model: str, config: DpoConfig, folder: str, prefix: str, out: str) -> dict:
    """Train on the pairs below `folder` as one process of all.

    The first process merges and saves. It measures the held-out pairs before, and after with the model that is saved.
    """
    from datasets import load_from_disk
    from transformers import AutoTokenizer
    from trl import DPOConfig as TrlConfig
    from trl import DPOTrainer

    teacher = load_model(model, config)
    trainer = DPOTrainer(
        model=teacher,
        args=TrlConfig(**trl_arguments(config, folder), beta=config.beta),
        train_dataset=load_from_disk(f"{folder}/rows"),
        processing_class=AutoTokenizer.from_pretrained(model),
        peft_config=lora_config(teacher, config),
    )
    held_out = load_held_out(folder) if trainer.is_world_process_zero() else []
    reference = pair_logprobs(trainer.model, trainer.processing_class, held_out)
    result = {"curve": run_training(trainer, Checkpoints(folder, prefix)), "steps": trainer.state.global_step}
    result |= {"before": None, "after": None}
    if trainer.is_world_process_zero():
        result["merge_cosine"] = merge_and_save(trainer, model, out)
    if held_out:
        policy = pair_logprobs(trainer.model, trainer.processing_class, held_out)
        result["before"] = asdict(preference_margin(reference, reference, config.beta))
        result["after"] = asdict(preference_margin(policy, reference, config.beta))
    return result


def load_held_out(folder: str) -> list[dict]:
    """Return the held-out pairs below `folder`, if any."""
    from datasets import load_from_disk

    path = Path(folder) / "held"
    return list(load_from_disk(path)) if path.exists() else []


def margin_warning(before: dict | None, after: dict | None, steps: int, config: DpoConfig) -> str:
    """Return a warning where a long training did not raise the held-out margin, else "".

    Raises:
        ValueError: it did not, and the configuration is strict.
    """
    if before is None or after is None or steps < MARGIN_STEPS or after["margin"] > before["margin"]:
        return ""
    change = f"{before['margin']:+.4f} to {after['margin']:+.4f}"
    warning = f"DPO did not raise the held-out margin in {steps} steps: {change}"
    if config.strict:
        raise ValueError(f"{warning}; raise dpo_config's learning_rate, or look at the preference pairs")
    return warning

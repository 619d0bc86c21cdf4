"""Direct preference optimisation: the teacher learns to prefer the perspective that was right (MPCoT, step 3)."""

import math
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

from components.pretrained import model_digest
from components.step_result import StepResult
from components.teacher.config import MARGIN_STEPS, DpoConfig
from components.teacher.dpo_rows import DpoRows, select_pairs, trl_example
from components.teacher.trainer import lora_config, merge_and_save, trl_arguments
from components.training.arguments import run_training
from components.training.checkpoints import Checkpoints, checkpoint_prefix
from components.training.launch import on_every_gpu


def dpo(pairs: str | Path, model: str | Path, config: DpoConfig, out: str | Path) -> StepResult:
    """Tune `model` on preference pairs with itself as the reference, and save it merged.

    It is trained on every GPU of the machine.

    Raises:
        ValueError: there are no pairs, or none fits in max_length; the loss is not a number; or a strict training did
            not raise the held-out margin.
    """
    selection = select_pairs(pairs, model, config)
    with TemporaryDirectory() as folder:
        save_dataset(selection.rows, f"{folder}/rows")
        if selection.held_out:  # a dataset of no rows cannot be read back
            save_dataset(selection.held_out, f"{folder}/held")
        prefix = checkpoint_prefix("dpo", model_digest(model), config, selection.rows)
        checkpoints = Checkpoints(folder, prefix)
        checkpoints.fetch()
        training = on_every_gpu(train_dpo, str(model), config, folder, prefix, str(out))
        checkpoints.remove()
    return dpo_result(selection, training, config, model_digest(out))


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
    """Train on the pairs below `folder` as one process of all."""
    from datasets import load_from_disk
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from trl import DPOConfig as TrlConfig
    from trl import DPOTrainer

    held_out = Path(folder) / "held"
    trainer = DPOTrainer(
        model=AutoModelForCausalLM.from_pretrained(model, dtype="auto"),
        args=TrlConfig(**trl_arguments(config, folder), beta=config.beta),
        train_dataset=load_from_disk(f"{folder}/rows"),
        eval_dataset=load_from_disk(held_out) if held_out.exists() else None,
        processing_class=AutoTokenizer.from_pretrained(model),
        peft_config=lora_config(config.rank),
    )
    before = measure_held_out(trainer, config)
    curve = run_training(trainer, Checkpoints(folder, prefix))
    after = measure_held_out(trainer, config)
    merge_and_save(trainer, out)
    return {"before": before, "after": after, "curve": curve, "steps": trainer.state.global_step}


def measure_held_out(trainer, config: DpoConfig) -> dict | None:
    """Return margin, share preferred and chosen_logprob_gain on the held-out pairs, if any.

    `chosen_logprob_gain` is the mean log-probability of a chosen rationale under the policy less that under the
    reference, in nats: about 0 says that the training did nothing.
    """
    if trainer.eval_dataset is None:
        return None
    metrics = trainer.evaluate()
    return {
        "margin": metrics["eval_rewards/margins"],
        "preferred": metrics["eval_rewards/accuracies"],
        "chosen_logprob_gain": metrics["eval_rewards/chosen"] / config.beta,
    }


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

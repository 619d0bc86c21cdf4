"""What SFT and DPO share: TRL's settings from our configuration, progress, and the merge at the end."""

import math
from pathlib import Path
from tempfile import mkdtemp

from components.facts import Progress


def settings_of(config) -> dict:
    """TRL's arguments, with the defaults put right that a machine without a GPU cannot use."""
    import torch

    cuda = torch.cuda.is_available()
    return {
        "output_dir": mkdtemp(prefix="trainer-"),
        "use_cpu": not cuda,
        "bf16": cuda or bool(torch.cpu.get_capabilities().get("avx512_bf16")),
        "gradient_checkpointing": cuda,
        "max_length": config.max_length,
        "per_device_train_batch_size": config.batch_size,
        "num_train_epochs": config.epochs,
        "max_steps": config.max_steps,
        "learning_rate": config.learning_rate,
        "warmup_steps": 0.1,
        "logging_steps": 1,
        "logging_nan_inf_filter": False,  # else a loss that is not a number is logged as 0
        "save_strategy": "no",
        "report_to": "none",
        "disable_tqdm": True,
        "seed": config.seed,
    }


def merged_and_saved(trainer, out: str | Path) -> list[dict]:
    """Train, merge the adapter into the weights, save model and tokenizer to `out`; the logged steps.

    Raises:
        ValueError: the loss is not a number, with the step where it first was not.
    """
    from transformers import TrainerCallback

    class Report(TrainerCallback):
        def on_train_begin(self, args, state, control, **kwargs):
            self.progress = Progress(state.max_steps, "steps")

        def on_step_end(self, args, state, control, **kwargs):
            self.progress.advance()

    trainer.add_callback(Report())
    trainer.train()
    curve = [
        {name: value for name, value in entry.items() if isinstance(value, (int, float))}
        for entry in trainer.state.log_history
        if "loss" in entry
    ]
    for entry in curve:
        if not math.isfinite(entry["loss"]):
            raise ValueError(f"the loss is {entry['loss']} at step {entry['step']}: lower the learning rate")
    trainer.model.merge_and_unload().save_pretrained(out)
    trainer.processing_class.save_pretrained(out)
    return curve

"""What every training shares: the trainer's settings, progress, and going on where one was killed."""

import math
import os
from pathlib import Path

from components.step_result import Progress
from components.training.checkpoints import Checkpoints


def settings_of(config, folder: str | Path) -> dict:
    """The trainer's arguments, with the defaults put right that a machine without a GPU cannot use."""
    import torch

    return {
        "output_dir": str(folder),
        "use_cpu": not torch.cuda.is_available(),
        "bf16": quick_in_bf16(),
        "per_device_train_batch_size": rows_at_once(config),
        "gradient_accumulation_steps": config.accumulate,
        "num_train_epochs": config.epochs,
        "learning_rate": config.learning_rate,
        "warmup_steps": 0.1,
        "logging_steps": 1,
        "logging_nan_inf_filter": False,  # else a loss that is not a number is logged as 0
        "save_strategy": "steps" if config.save_steps else "no",
        "save_steps": config.save_steps or 1,
        "save_total_limit": 1,
        "report_to": "none",
        "disable_tqdm": True,
        "seed": config.seed,
    }


def quick_in_bf16() -> bool:
    """Whether bf16 is quicker here: on a GPU, or by AMX.

    A CPU without it takes 1.4 times (student) to 1.6 times (teacher) as long in bf16, even with AVX512_BF16 (a Xeon,
    CPU time of interleaved steps, 2026-11).
    """
    import torch

    return torch.cuda.is_available() or bool(torch.cpu.get_capabilities().get("amx_bf16"))


def rows_at_once(config) -> int:
    """Rows that one process takes at once: an update sees `batch_size` of them on any number of processes.

    Raises:
        ValueError: they cannot be divided so.
    """
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    rows, left = divmod(config.batch_size, processes * config.accumulate)
    if left:
        raise ValueError(
            f"batch_size {config.batch_size} cannot be divided by {processes} processes and accumulate "
            f"{config.accumulate}: make it a multiple of {processes * config.accumulate}"
        )
    return rows


def trained(trainer, checkpoints: Checkpoints | None = None) -> list[dict]:
    """Train, from the fetched checkpoint on where there are any; the logged steps, those before it among them.

    Raises:
        ValueError: the loss is not a number, with the step where it first was not.
    """
    from transformers import TrainerCallback

    class Report(TrainerCallback):
        def on_train_begin(self, args, state, control, **kwargs):
            self.progress = Progress(state.max_steps, "steps")
            self.progress.done = state.global_step

        def on_step_end(self, args, state, control, **kwargs):
            if state.is_world_process_zero:
                self.progress.advance()

        def on_log(self, args, state, control, logs, **kwargs):
            loss = logs.get("loss", 0.0)
            if not math.isfinite(loss):
                raise ValueError(f"the loss is {loss} at step {state.global_step}: lower the learning rate")

    trainer.add_callback(Report())
    if checkpoints is not None:
        trainer.add_callback(checkpoints)
    trainer.train(resume_from_checkpoint=checkpoints.fetched() if checkpoints is not None else None)
    return [
        {name: value for name, value in entry.items() if isinstance(value, (int, float))}
        for entry in trainer.state.log_history
        if "loss" in entry
    ]

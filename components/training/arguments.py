"""Settings, progress and restarts that every training shares."""

import math
import os
from pathlib import Path

from components.precision import is_fast_in_bf16
from components.step_result import Progress
from components.training.checkpoints import Checkpoints

STATUS_SERVER = "KUBEFLOW_TRAINER_SERVER_URL"  # set in a TrainJob's pods where Trainer 2.2 or later takes progress


def trainer_arguments(config, folder: str | Path) -> dict:
    """Build the trainer's arguments, with the defaults that a machine without a GPU needs."""
    import torch

    return {
        "output_dir": str(folder),
        "use_cpu": not torch.cuda.is_available(),
        "bf16": is_fast_in_bf16(),
        "per_device_train_batch_size": rows_per_process(config),
        "gradient_accumulation_steps": config.accumulate,
        "num_train_epochs": config.epochs,
        "learning_rate": config.learning_rate,
        "warmup_steps": 0.1,
        "logging_steps": 1,
        "logging_nan_inf_filter": False,  # else a loss that is not a number is logged as 0
        "save_strategy": "steps" if config.save_steps else "no",
        "save_steps": config.save_steps or 1,
        "save_total_limit": 1,
        "report_to": ["kubeflow"] if STATUS_SERVER in os.environ else [],  # progress and losses, into the TrainJob
        "disable_tqdm": True,
        "seed": config.seed,
    }


def rows_per_process(config) -> int:
    """Divide the rows of an update among the processes.

    Raises:
        ValueError: it cannot be divided; with the multiple that can.
    """
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    rows, remainder = divmod(config.batch_size, processes * config.accumulate)
    if remainder:
        raise ValueError(
            f"batch_size {config.batch_size} cannot be divided by {processes} processes and accumulate "
            f"{config.accumulate}: make it a multiple of {processes * config.accumulate}"
        )
    return rows


def run_training(trainer, checkpoints: Checkpoints | None = None) -> list[dict]:
    """Train from the last checkpoint on and return the logged steps, earlier ones included.

    Raises:
        ValueError: the loss is not a number, with the step where it first was not.
    """
    trainer.add_callback(progress_callback())
    if checkpoints is not None:
        trainer.add_callback(checkpoints)
    trainer.train(resume_from_checkpoint=checkpoints.local_checkpoint() if checkpoints is not None else None)
    return [numbers_only(entry) for entry in trainer.state.log_history if "loss" in entry]


def numbers_only(entry: dict) -> dict:
    """Return the numeric values of a logged step."""
    return {name: value for name, value in entry.items() if isinstance(value, (int, float))}


def progress_callback():
    """Return a callback that reports progress and checks the loss."""
    from transformers import TrainerCallback

    class Report(TrainerCallback):
        def on_train_begin(self, args, state, control, **kwargs):
            self.progress = Progress(state.max_steps, "steps")
            if state.global_step:  # of the checkpoint that it goes on from
                self.progress.advance(state.global_step)

        def on_step_end(self, args, state, control, **kwargs):
            if state.is_world_process_zero:
                self.progress.advance()

        def on_log(self, args, state, control, logs, **kwargs):
            loss = logs.get("loss", 0.0)
            if not math.isfinite(loss):
                raise ValueError(f"the loss is {loss} at step {state.global_step}: lower the learning rate")

    return Report()

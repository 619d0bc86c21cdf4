"""What SFT and DPO share: TRL's settings from our configuration, progress, checkpoints, and the merge at the end."""

import math
import os
from pathlib import Path

from components.facts import Progress
from components.teacher.checkpoints import Checkpoints


def settings_of(config, folder: str | Path) -> dict:
    """TRL's arguments, with the defaults put right that a machine without a GPU cannot use."""
    import torch

    cuda = torch.cuda.is_available()
    return {
        "output_dir": str(folder),
        "use_cpu": not cuda,
        "bf16": cuda or bool(torch.cpu.get_capabilities().get("avx512_bf16")),
        "gradient_checkpointing": cuda,
        "max_length": config.max_length,
        "per_device_train_batch_size": rows_at_once(config),
        "gradient_accumulation_steps": config.accumulate,
        "num_train_epochs": config.epochs,
        "max_steps": config.max_steps,
        "learning_rate": config.learning_rate,
        "warmup_steps": 0.1,
        "logging_steps": 1,
        "logging_nan_inf_filter": False,  # else a loss that is not a number is logged as 0
        "save_strategy": "steps",
        "save_steps": config.save_steps,
        "save_total_limit": 1,
        "report_to": "none",
        "disable_tqdm": True,
        "seed": config.seed,
    }


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


def fits(example: dict, tokenizer, max_length: int) -> bool:
    """Whether each answer fits behind its prompt, with the token that ends it: what is cut off would be the label."""
    answers = [text for name, text in example.items() if name != "prompt"]
    return all(len(tokenizer(example["prompt"] + text)["input_ids"]) < max_length for text in answers)


def adapter(rank: int):
    """LoRA on all linear layers, alpha twice its rank; None, so that all weights are tuned, at rank 0."""
    from peft import LoraConfig

    if not rank:
        return None
    return LoraConfig(r=rank, lora_alpha=2 * rank, lora_dropout=0.0, target_modules="all-linear", task_type="CAUSAL_LM")


def trained(trainer, checkpoints: Checkpoints) -> list[dict]:
    """Train, from the fetched checkpoint on; the logged steps, those before the checkpoint among them.

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
    trainer.add_callback(checkpoints)
    trainer.train(resume_from_checkpoint=checkpoints.fetched())
    return [
        {name: value for name, value in entry.items() if isinstance(value, (int, float))}
        for entry in trainer.state.log_history
        if "loss" in entry
    ]


def merge(trainer, out: str | Path) -> None:
    """Merge an adapter into the weights, save model and tokenizer to `out`: of several processes, the first does."""
    from peft import PeftModel

    if not trainer.is_world_process_zero():
        return
    tuned = trainer.model.merge_and_unload() if isinstance(trainer.model, PeftModel) else trainer.model
    tuned.save_pretrained(out)
    trainer.processing_class.save_pretrained(out)

"""Common parts of SFT and DPO: TRL's settings, LoRA, the rows that fit."""

from pathlib import Path

from components.training import arguments


def trl_arguments(config, folder: str | Path) -> dict:
    """Build TRL's arguments from our configuration."""
    import torch

    return arguments.trainer_arguments(config, folder) | {
        "gradient_checkpointing": torch.cuda.is_available(),
        "max_length": config.max_length,
        "max_steps": config.max_steps,
    }


def fits(example: dict, tokenizer, max_length: int) -> bool:
    """Return True where each answer and its end token fit behind the prompt.

    What a longer one loses is its label.
    """
    answers = [text for name, text in example.items() if name != "prompt"]
    return all(len(tokenizer(example["prompt"] + text)["input_ids"]) < max_length for text in answers)


def lora_config(rank: int):
    """Return LoRA on all linear layers with alpha twice its rank.

    None, at rank 0, tunes all weights.
    """
    from peft import LoraConfig

    if not rank:
        return None
    return LoraConfig(r=rank, lora_alpha=2 * rank, lora_dropout=0.0, target_modules="all-linear", task_type="CAUSAL_LM")

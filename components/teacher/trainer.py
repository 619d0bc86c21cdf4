"""What SFT and DPO share: TRL's settings from our configuration, which rows fit, and the merge at the end."""

from pathlib import Path

from components.training import arguments


def settings_of(config, folder: str | Path) -> dict:
    """TRL's arguments."""
    import torch

    return arguments.settings_of(config, folder) | {
        "gradient_checkpointing": torch.cuda.is_available(),
        "max_length": config.max_length,
        "max_steps": config.max_steps,
    }


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


def merge(trainer, out: str | Path) -> None:
    """Merge an adapter into the weights, save model and tokenizer to `out`: of several processes, the first does."""
    from peft import PeftModel

    if not trainer.is_world_process_zero():
        return
    tuned = trainer.model.merge_and_unload() if isinstance(trainer.model, PeftModel) else trainer.model
    tuned.save_pretrained(out)
    trainer.processing_class.save_pretrained(out)

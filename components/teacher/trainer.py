"""Common parts of SFT and DPO: TRL's settings, LoRA, the rows that fit."""

from pathlib import Path

from components.training import arguments
from components.training.attention import choose_attention


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


def load_model(folder: str, config, **options):
    """Load a model to tune, frozen below the trained layers where it gets no adapter.

    Gradients end at the first trained layer, since nothing below it asks for one.
    """
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(folder, dtype="auto", **options)
    choose_attention(model)
    if config.trained_layers and not config.rank:
        model.requires_grad_(False)
        for layer in last_layers(model, config.trained_layers).values():
            layer.requires_grad_(True)
    return model


def last_layers(model, count: int) -> dict:
    """Return the last layers of a decoder by their names in the model.

    Raises:
        ValueError: the model has fewer, or keeps its layers elsewhere.
    """
    layers = getattr(model.base_model, "layers", ())
    if count > len(layers):
        raise ValueError(f"trained_layers is {count}; {type(model).__name__} has {len(layers)} layers that are known")
    prefix = f"{model.base_model_prefix}.layers"
    return {f"{prefix}.{number}": layers[number] for number in range(len(layers) - count, len(layers))}


def lora_config(model, config):
    """Return LoRA on the linear modules of the trained layers, with alpha twice its rank.

    None, at rank 0, tunes the weights themselves.
    """
    from peft import LoraConfig

    if not config.rank:
        return None
    modules = "all-linear"
    if config.trained_layers:
        modules = []
        for path, layer in last_layers(model, config.trained_layers).items():
            modules += [f"{path}.{name}" for name, part in layer.named_modules() if hasattr(part, "in_features")]
    settings = {"lora_alpha": 2 * config.rank, "lora_dropout": 0.0, "task_type": "CAUSAL_LM"}
    return LoraConfig(r=config.rank, target_modules=modules, **settings)

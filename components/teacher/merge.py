"""The end of a tuning: the adapter merged into its base in float32, and what changed, saved."""

from pathlib import Path

from components import model_changes
from components.settings import Settings

CHANGES = "changes.safetensors"
WHOLE = "whole"  # folder of the merged model, where this machine keeps whole models


def merge_and_save(trainer, base: str, out: str | Path) -> float | None:
    """Save what was changed of `base`, merge it, and return the merge's cosine.

    `trainer.model` is the merged model afterwards, as whoever adds the changes to the base gets it. Call it on the
    first process alone. The cosine is None without an adapter.
    """
    from peft import PeftModel
    from safetensors.torch import save_file

    Path(out).mkdir(parents=True, exist_ok=True)
    cosine = None
    if isinstance(trainer.model, PeftModel):
        changes = adapter_tensors(trainer.model)
        cosine = add_updates(trainer.model)
        trainer.model = trainer.model.unload()
    else:
        changes = round_differences(trainer.model, base)
    save_file(changes, Path(out) / CHANGES)
    if Settings().models:
        trainer.model.save_pretrained(Path(out) / WHOLE)
        trainer.processing_class.save_pretrained(Path(out) / WHOLE)
    return cosine


def adapter_tensors(model) -> dict:
    """Return an adapter's matrices by the weight that they change, B scaled."""
    from peft.tuners.lora import LoraLayer

    tensors = {}
    for name, layer in model.get_base_model().named_modules():
        if isinstance(layer, LoraLayer):
            a, scaled_b = lora_matrices(layer, model.active_adapter)
            tensors[f"{name}.weight{model_changes.LORA_A}"] = a.detach().cpu().contiguous()
            tensors[f"{name}.weight{model_changes.LORA_B}"] = scaled_b.detach().cpu().contiguous()
    return tensors


def lora_matrices(layer, adapter: str) -> tuple:
    """Return A (R, I) and the scaled B (O, R) of one layer, in bfloat16.

    They are merged as they are saved, so that what is measured is what others get.
    """
    scaled_b = layer.scaling[adapter] * layer.lora_B[adapter].weight.float()
    return layer.lora_A[adapter].weight.bfloat16(), scaled_b.bfloat16()


def round_differences(model, base: str) -> dict:
    """Return the changed weights' differences from `base`, and round the weights to what they say."""
    from transformers import AutoModelForCausalLM

    before = dict(AutoModelForCausalLM.from_pretrained(base, dtype="auto").named_parameters())
    tensors = {}
    for name, weight in model.named_parameters():
        change = model_changes.difference(before[name].data, weight.data)
        if change.any():
            tensors[f"{name}{model_changes.DIFFERENCE}"] = change
            weight.data = model_changes.add_update(before[name].data, change.float()).to(weight.device)
    return tensors


def add_updates(model) -> float:
    """Add each layer's update B A to its weights W, and return the merge's cosine.

    The sum is made in float32 and rounded once, to the type of W. In bfloat16 (8 bits) a small update is partly lost
    all the same: entries of 1e-5 change 11% of weights of usual size. The cosine, of intended and actual change over
    all layers, says how much is.
    """
    import torch
    from peft.tuners.lora import LoraLayer

    products = torch.zeros(3)  # update x change, update squared, change squared
    with torch.no_grad():
        for layer in model.modules():
            if isinstance(layer, LoraLayer):
                products += add_update(layer, model.active_adapter).cpu()
    dot, update_square, change_square = products.tolist()
    if not update_square:
        return 1.0
    return round(dot / (update_square * change_square) ** 0.5, 4) if change_square else 0.0


def add_update(layer, adapter: str):
    """Add one layer's update to its weights, and return the products that `add_updates` adds up."""
    import torch

    weight = layer.get_base_layer().weight
    before = weight.data.float()
    a, scaled_b = lora_matrices(layer, adapter)
    update = scaled_b.float() @ a.float()
    weight.data = (before + update).to(weight.dtype)
    change = weight.data.float() - before
    return torch.stack([(update * change).sum(), (update * update).sum(), (change * change).sum()])

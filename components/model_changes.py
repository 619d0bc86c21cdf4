"""What a tuning changed of a model's weights: adapters or differences of tensors, as safetensors.

A name is the weight's and a kind: `W:lora_A` (R, I) and `W:lora_B` (O, R, scaled), or `W:difference`. All are in
bfloat16, which has eight bits of the change, not of the weight. Sums are made in float32 and rounded once, to the
weight's type.
"""

from collections.abc import Iterator
from pathlib import Path

LORA_A = ":lora_A"
LORA_B = ":lora_B"
DIFFERENCE = ":difference"


def apply_changes(model, path: str | Path) -> None:
    """Add a tuning's changes to the weights of a model.

    Raises:
        ValueError: the model lacks one of the weights: it is not the base of this tuning.
    """
    import torch

    weights = dict(model.named_parameters())
    with torch.no_grad():
        for name, update in read_updates(path):
            if name not in weights:
                raise ValueError(f"{path} changes {name}, which the model lacks: it is not the base of this tuning")
            weights[name].data = add_update(weights[name].data, update)


def read_updates(path: str | Path) -> Iterator[tuple[str, object]]:
    """Yield each changed weight's name and its update in float32."""
    from safetensors import safe_open

    with safe_open(path, "pt") as file:
        for key in sorted(file.keys()):
            name, _, kind = key.rpartition(":")
            if f":{kind}" == DIFFERENCE:
                yield name, file.get_tensor(key).float()
            elif f":{kind}" == LORA_B:
                yield name, file.get_tensor(key).float() @ file.get_tensor(name + LORA_A).float()


def add_update(weight, update):
    """Return weight plus update, summed in float32 and rounded once."""
    return (weight.float() + update.to(weight.device)).to(weight.dtype)


def difference(before, after):
    """Return the change of a weight in bfloat16, on the CPU."""
    return (after.float().cpu() - before.float().cpu()).bfloat16()

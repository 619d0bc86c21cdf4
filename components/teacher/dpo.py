"""Direct preference optimisation: the teacher learns to prefer the perspective that was right (MPCoT, step 3)."""

import math
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from components import contracts
from components.base_models import model_digest
from components.config import JsonConfig
from components.teacher.trainer import merged_and_saved, settings_of


@dataclass(frozen=True)
class DpoConfig(JsonConfig):
    """The paper's figures (second-hand): 3 epochs, 5e-6. `rows` caps the pairs trained on; 0 takes all."""

    rank: int = 16
    epochs: float = 3.0
    learning_rate: float = 5e-6
    beta: float = 0.1
    batch_size: int = 4
    max_length: int = 1024
    rows: int = 0
    max_steps: int = -1
    seed: int = 0


def dpo(pairs: str | Path, model: str | Path, config: DpoConfig, out: str | Path) -> dict:
    """Tune `model` on preference pairs against itself as the reference; save it merged, as safetensors, with its curve.

    Raises:
        ValueError: there are no pairs, or the loss is not a number.
    """
    from datasets import Dataset
    from peft import LoraConfig
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from trl import DPOConfig as TrlConfig
    from trl import DPOTrainer

    asked = contracts.count(pairs)
    if not asked:
        raise ValueError(
            "there are no preference pairs: no pair has a right and a wrong rationale; sample more of them"
        )
    rows = [
        {name: row[name] for name in ("prompt", "chosen", "rejected")}
        for row in islice(contracts.read_batches(contracts.PREFERENCE_PAIRS, pairs), config.rows or None)
    ]
    trainer = DPOTrainer(
        model=AutoModelForCausalLM.from_pretrained(model, dtype="auto"),
        args=TrlConfig(**settings_of(config), beta=config.beta),
        train_dataset=Dataset.from_list(rows),
        processing_class=AutoTokenizer.from_pretrained(model),
        peft_config=LoraConfig(
            r=config.rank,
            lora_alpha=2 * config.rank,
            lora_dropout=0.0,
            target_modules="all-linear",
            task_type="CAUSAL_LM",
        ),
    )
    curve = merged_and_saved(trainer, out)
    margin = curve[-1].get("rewards/margins", math.nan)
    return {
        "rows_in": asked,
        "rows_out": len(rows),
        "set_aside": asked - len(rows),
        "curve": curve,
        "steps": trainer.state.global_step,
        "model_digest": model_digest(out),
        "figure": f"margin {margin:+.3f}",
    }

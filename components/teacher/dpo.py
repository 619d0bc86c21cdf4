"""Direct preference optimisation: the teacher learns to prefer the perspective that was right (MPCoT, step 3)."""

import hashlib
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from components import contracts
from components.pretrained import model_digest
from components.teacher.config import DpoConfig
from components.teacher.sft import in_turn
from components.teacher.trainer import adapter, fits, merge, settings_of
from components.training.arguments import trained
from components.training.checkpoints import Checkpoints, place
from components.training.launch import on_every_gpu

NOTICED_STEPS = 50  # a shorter training may well move nothing


def dpo(pairs: str | Path, model: str | Path, config: DpoConfig, out: str | Path) -> dict:
    """Tune `model` on preference pairs against itself as the reference; save it merged, as safetensors, with its curve.

    It is trained on every GPU of the machine.

    Raises:
        ValueError: there are no pairs, or none fits in max_length; or the loss is not a number.
    """
    from datasets import Dataset
    from transformers import AutoTokenizer

    asked = contracts.count(pairs)
    if not asked:
        raise ValueError(
            "there are no preference pairs: no pair has a right and a wrong rationale; sample more of them"
        )
    tokenizer, too_long = AutoTokenizer.from_pretrained(model), 0

    def fitting() -> Iterator[dict]:
        nonlocal too_long
        for row in contracts.read_batches(contracts.PREFERENCE_PAIRS, pairs):
            if fits(text(row), tokenizer, config.max_length):
                yield row
            else:
                too_long += 1

    rows, held = chosen_pairs(fitting(), config)
    if not rows:
        raise ValueError(f"none of {asked} pairs fits in dpo_config's max_length {config.max_length}: raise it")
    with TemporaryDirectory() as folder:
        Dataset.from_list(list(map(text, rows))).save_to_disk(f"{folder}/rows")
        if held:  # a dataset of no rows cannot be read back
            Dataset.from_list(list(map(text, held))).save_to_disk(f"{folder}/held")
        saved = Checkpoints(folder, place("dpo", model_digest(model), config, rows))
        saved.fetch()
        said = on_every_gpu(prefer, str(model), config, folder, saved.prefix, str(out))
        saved.remove()
    before, after, curve, steps = (said[name] for name in ("before", "after", "curve", "steps"))
    counts = {"rows_in": asked, "rows_out": len(rows), "set_aside": asked - len(rows)}
    return counts | {
        "set_aside_why": {
            "held out": len(held),
            "longer than max_length": too_long,
            "over the cap": asked - too_long - len(rows) - len(held),
        },
        "balance": Counter(f"{row['label']}, {row['chosen_perspective']}" for row in rows),
        "curve": curve,
        "steps": steps,
        "held_out": {"pairs": len(held), "before": before, "after": after},
        "warning": complaint(before, after, steps, config),
        "model_digest": model_digest(out),
        "figure": f"margin {curve[-1].get('rewards/margins', math.nan):+.3f}"
        + (f", held out {before['margin']:+.3f} to {after['margin']:+.3f}" if held else ""),
    }


def prefer(model: str, config: DpoConfig, folder: str, prefix: str, out: str) -> dict:
    """The training itself, of the pairs below `folder`, on each process of it; what was measured before and after."""
    from datasets import load_from_disk
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from trl import DPOConfig as TrlConfig
    from trl import DPOTrainer

    held = Path(folder) / "held"
    trainer = DPOTrainer(
        model=AutoModelForCausalLM.from_pretrained(model, dtype="auto"),
        args=TrlConfig(**settings_of(config, folder), beta=config.beta),
        train_dataset=load_from_disk(f"{folder}/rows"),
        eval_dataset=load_from_disk(held) if held.exists() else None,
        processing_class=AutoTokenizer.from_pretrained(model),
        peft_config=adapter(config.rank),
    )
    before = measured(trainer, config)
    curve = trained(trainer, Checkpoints(folder, prefix))
    after = measured(trainer, config)
    merge(trainer, out)
    return {"before": before, "after": after, "curve": curve, "steps": trainer.state.global_step}


def chosen_pairs(pairs: Iterable[dict], config: DpoConfig) -> tuple[list[dict], list[dict]]:
    """Pairs to train on, in turn by label and by the perspective that was right, and those held out: whole queries.

    Where the queries are so few that none would be left to train on, nothing is held out.
    """
    groups, held = defaultdict(list), []
    for row in pairs:
        drawn = int.from_bytes(hashlib.sha256(f"held out\n{row['query_id']}".encode()).digest()[:8], "big") / 2**64
        if drawn < config.held_out:
            held.append(row)
        else:
            groups[row["label"], row["chosen_perspective"]].append(row)
    rows = list(in_turn([groups[name] for name in sorted(groups)]))
    if not rows:
        rows, held = held, []
    return rows[: config.rows or None], held[: config.held_out_rows]


def text(row: dict) -> dict:
    """What TRL's trainer reads of a pair."""
    return {name: row[name] for name in ("prompt", "chosen", "rejected")}


def measured(trainer, config: DpoConfig) -> dict | None:
    """On the held-out pairs: the margin, how often the chosen one is preferred, and how far the chosen ones have moved.

    `moved` is the mean log-probability of a chosen rationale under the policy less that under the reference, in nats:
    about 0 says that the training did nothing.
    """
    if trainer.eval_dataset is None:
        return None
    said = trainer.evaluate()
    return {
        "margin": said["eval_rewards/margins"],
        "preferred": said["eval_rewards/accuracies"],
        "moved": said["eval_rewards/chosen"] / config.beta,
    }


def complaint(before: dict | None, after: dict | None, steps: int, config: DpoConfig) -> str:
    """What is to be said of a training that did not raise the held-out margin; "" of one that did, or was short.

    Raises:
        ValueError: it did not, and the configuration is strict.
    """
    if before is None or after is None or steps < NOTICED_STEPS or after["margin"] > before["margin"]:
        return ""
    said = f"DPO did not raise the held-out margin in {steps} steps: {before['margin']:+.4f} to {after['margin']:+.4f}"
    if config.strict:
        raise ValueError(f"{said}; raise dpo_config's learning_rate, or look at the preference pairs")
    return said

"""Supervised fine-tuning of the teacher on right rationales: LoRA, the unified prompt, loss on the completion alone."""

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from components import contracts
from components.pretrained import model_digest, save_base_model
from components.teacher.config import SftConfig
from components.teacher.prompts import prompts_of
from components.teacher.trainer import adapter, fits, merge, settings_of
from components.teacher_prompt import answer
from components.training.arguments import trained
from components.training.checkpoints import Checkpoints, place
from components.training.launch import on_every_gpu


def sft(rationales: str | Path, judgements: str | Path, model: str | Path, config: SftConfig, out: str | Path) -> dict:
    """Tune `model` on the rationales that end in the judged label; save it merged, as safetensors, with its curve.

    It is trained on every GPU of the machine.

    Raises:
        ValueError: no rationale is right, or none fits in max_length, so there is nothing to learn from; rows are to be
            packed where attention would mix them; or the loss is not a number.
    """
    from datasets import Dataset
    from transformers import AutoTokenizer

    if config.packing and not packable():
        raise ValueError("sft_config's packing needs a GPU and the package flash-attn, or rows would read one another")
    asked = contracts.count(rationales)
    right = by_label(contracts.read_batches(contracts.RATIONALES, rationales))
    rows = chosen_rows(right, config)
    if not rows:
        raise ValueError(
            f"none of {asked} rationales ends in the judged label: sample more, or start the teacher with exemplars"
        )
    prompts = prompts_of({(row["query_id"], row["item_id"]) for row in rows}, judgements, model)
    examples = [{"prompt": prompts[row["query_id"], row["item_id"]], "completion": answer(row)} for row in rows]
    tokenizer = AutoTokenizer.from_pretrained(model)
    kept = [n for n, example in enumerate(examples) if fits(example, tokenizer, config.max_length)]
    if not kept:
        raise ValueError(f"none of {len(rows)} rows fits in sft_config's max_length {config.max_length}: raise it")
    chosen, rows, examples = len(rows), [rows[n] for n in kept], [examples[n] for n in kept]
    with TemporaryDirectory() as folder:
        Dataset.from_list(examples).save_to_disk(f"{folder}/rows")
        saved = Checkpoints(folder, place("sft", model_digest(model), config, examples))
        saved.fetch()
        said = on_every_gpu(tune, str(model), config, folder, saved.prefix, str(out))
        saved.remove()
    curve = said["curve"]
    return said | {
        "rows_in": asked,
        "rows_out": len(rows),
        "set_aside": asked - len(rows),
        "set_aside_why": {
            "not the judged label": asked - sum(map(len, right.values())),
            "over the cap or the balance": sum(map(len, right.values())) - chosen,
            "longer than max_length": chosen - len(rows),
        },
        "right_by_label": {label: len(group) for label, group in right.items()},
        "labels": {label: sum(row["label"] == label for row in rows) for label in contracts.LABELS},
        "model_digest": model_digest(out),
        "figure": f"loss {curve[0]['loss']:.2f} to {curve[-1]['loss']:.2f}",
    }


def tune(model: str, config: SftConfig, folder: str, prefix: str, out: str) -> dict:
    """The training itself, of the rows below `folder`, on each process of it."""
    from datasets import load_from_disk
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from trl import SFTConfig as TrlConfig
    from trl import SFTTrainer

    attention = {"attn_implementation": "flash_attention_2"} if config.packing else {}
    trainer = SFTTrainer(
        model=AutoModelForCausalLM.from_pretrained(model, dtype="auto", **attention),
        args=TrlConfig(**sft_settings(config, folder)),
        train_dataset=load_from_disk(f"{folder}/rows"),
        processing_class=AutoTokenizer.from_pretrained(model),
        peft_config=adapter(config.rank),
    )
    curve = trained(trainer, Checkpoints(folder, prefix))
    merge(trainer, out)
    return {"curve": curve, "steps": trainer.state.global_step}


def sft_settings(config: SftConfig, folder: str) -> dict:
    """TRL's arguments: loss on the completion alone, rows of like length together, or packed."""
    order = {"packing": True} if config.packing else {"train_sampling_strategy": "group_by_length"}
    return settings_of(config, folder) | order | {"completion_only_loss": True}


def packable() -> bool:
    """Whether several rows may share a sequence: flash attention alone keeps them from reading one another."""
    import torch
    from transformers.utils import is_flash_attn_2_available

    return torch.cuda.is_available() and is_flash_attn_2_available()


def start(exemplars: str | Path, judgements: str | Path, base: str, config: SftConfig, out: str | Path) -> dict:
    """The model that rationales are first sampled from: the base model, tuned on exemplars where there are any.

    A small model cannot be prompted into usable rationales; a large one (the paper's) starts with no exemplar.
    """
    with TemporaryDirectory() as folder:
        said = save_base_model(base, folder if contracts.count(exemplars) else out)
        if not contracts.count(exemplars):
            return {"rows_in": 0, "rows_out": 0, "set_aside": 0, **said}
        tuned = sft(exemplars, judgements, folder, config, out)
    return said | tuned | {"exemplars": tuned["rows_out"], "figure": f"cold start, {tuned['figure']}"}


def by_label(rows: Iterable[dict]) -> dict[str, list[dict]]:
    """The right rationales of each label, in an order that their keys alone decide."""
    right: dict[str, list[dict]] = {label: [] for label in contracts.LABELS}
    for row in rows:
        if row["predicted_label"] == row["label"]:
            right[row["label"]].append(row)
    for group in right.values():
        group.sort(key=lambda row: hashlib.sha256(row["key"].encode()).digest())
    return right


def chosen_rows(right: dict[str, list[dict]], config: SftConfig) -> list[dict]:
    """At most `rows` of them, one of each label in turn while it has any; balanced, as many of each as of the rarest.

    Raises:
        ValueError: they are to be balanced, and a label has none.
    """
    groups = list(right.values())
    if config.balanced:
        fewest = min(map(len, groups))
        if not fewest and any(groups):
            lacking = ", ".join(label for label, group in right.items() if not group)
            raise ValueError(f"sft_config's balanced leaves nothing: no right rationale has the label {lacking}")
        groups = [group[:fewest] for group in groups]
    rounds = list(in_turn(groups))
    return rounds[: config.rows or None]


def in_turn(groups: list[list[dict]]) -> Iterator[dict]:
    """One of each group in turn, until all are empty."""
    for depth in range(max(map(len, groups), default=0)):
        yield from (group[depth] for group in groups if depth < len(group))

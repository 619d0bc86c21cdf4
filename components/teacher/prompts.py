"""Rendered prompts of the pairs that have rationales, by the tokenizer of the model that is tuned."""

from collections.abc import Iterable
from pathlib import Path

from components import contracts
from components.model_store import load_tokenizer
from components.teacher_prompt import cap_fields, render_chat, unified_prompt


def render_prompts(
    pairs: Iterable[tuple[str, str]], judgements: str | Path, model: str | Path
) -> dict[tuple[str, str], str]:
    """Return the prompt of each pair by (query_id, item_id).

    Raises:
        ValueError: the judgements do not hold one of them.
    """
    tokenizer = load_tokenizer(model)
    names = set(pairs)
    prompts = {}
    for row in contracts.read_batches(contracts.JUDGEMENTS, judgements):
        name = (row["query_id"], row["item_id"])
        if name in names:
            prompts[name] = render_chat(tokenizer, unified_prompt(cap_fields(row, tokenizer)))
    if missing := names - prompts.keys():
        raise ValueError(
            f"{len(missing)} rationales are of pairs that {judgements} does not hold, {min(missing)} among them"
        )
    return prompts

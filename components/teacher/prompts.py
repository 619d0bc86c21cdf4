"""The rendered prompt of every pair that has a rationale, by the tokenizer of the model that is tuned."""

from collections.abc import Iterable
from pathlib import Path

from components import contracts
from components.teacher_prompt import capped, rendered, unified_prompt


def prompts_of(
    wanted: Iterable[tuple[str, str]], judgements: str | Path, model: str | Path
) -> dict[tuple[str, str], str]:
    """Prompt text by (query_id, item_id), for the wanted pairs alone.

    Raises:
        ValueError: the training set does not hold one of them.
    """
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(model)
    wanted, found = set(wanted), {}
    for row in contracts.read_batches(contracts.JUDGEMENTS, judgements):
        if (row["query_id"], row["item_id"]) in wanted:
            found[row["query_id"], row["item_id"]] = rendered(tokenizer, unified_prompt(capped(row, tokenizer)))
    if missing := wanted - found.keys():
        raise ValueError(
            f"{len(missing)} rationales are of pairs that {judgements} does not hold, {min(missing)} among them"
        )
    return found

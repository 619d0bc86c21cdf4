"""Mine preference pairs from conflict samples: rationales of one pair that disagree (MPCoT, step 3)."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from pathlib import Path

from components import contracts
from components.teacher.prompts import prompts_of
from components.teacher_prompt import answer


def preference_pairs(rationales: Iterable[dict], prompts: Mapping[tuple[str, str], str]) -> Iterator[dict]:
    """Yield one pair per query-item whose rationales disagree: a right one chosen over a wrong one.

    The two may be of different perspectives, and answer the same prompt. Samples that agree, all right or all wrong,
    teach no preference and yield nothing. Which of several is taken, only their keys decide.
    """
    for query_item, group in groupby(
        rationales, key=lambda row: (row["query_id"], row["item_id"])
    ):  # rows arrive grouped
        samples = sorted(group, key=lambda sample: hashlib.sha256(sample["key"].encode()).digest())
        right = [sample for sample in samples if sample["predicted_label"] == sample["label"]]
        wrong = [sample for sample in samples if sample["predicted_label"] != sample["label"]]
        if right and wrong:
            yield pair(right[0], wrong[0], prompts[query_item])


def pair(chosen: dict, rejected: dict, prompt: str) -> dict:
    """The PREFERENCE_PAIRS row of a chosen and a rejected rationale."""
    return {
        **{name: chosen[name] for name in ("query_id", "item_id", "label")},
        "chosen_perspective": chosen["perspective"],
        "rejected_perspective": rejected["perspective"],
        "prompt": prompt,
        "chosen": answer(chosen),
        "rejected": answer(rejected),
    }


def mine(rationales: str | Path, judgements: str | Path, model: str | Path, out: str | Path) -> dict:
    """Write PREFERENCE_PAIRS of the rationales; a judged pair that yields none is counted as set aside.

    Rows are streamed: in memory are the names of the judged pairs, and the prompts of those in conflict.
    """

    def rows() -> Iterator[dict]:
        return contracts.read_batches(contracts.RATIONALES, rationales)

    right, wrong = set(), set()
    for row in rows():
        (right if row["predicted_label"] == row["label"] else wrong).add((row["query_id"], row["item_id"]))
    prompts = prompts_of(right & wrong, judgements, model)
    written = contracts.write_batches(preference_pairs(rows(), prompts), contracts.PREFERENCE_PAIRS, out)
    return {
        "rows_in": len(right | wrong),
        "rows_out": written,
        "set_aside": len(right | wrong) - written,
        "figure": f"{written} conflicts",
    }

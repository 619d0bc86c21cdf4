"""Preference pairs from conflict samples: rationales of one pair that disagree (MPCoT, step 3)."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from operator import itemgetter
from pathlib import Path

from components import contracts
from components.sampling import hash_digest
from components.step_result import StepResult
from components.teacher.prompts import render_prompts
from components.teacher_prompt import answer

QUERY_ITEM = itemgetter("query_id", "item_id")


def preference_pairs(rationales: Iterable[dict], prompts: Mapping[tuple[str, str], str]) -> Iterator[dict]:
    """Yield one pair per query-item whose rationales disagree.

    A right rationale is chosen over a wrong one, whatever their perspectives; both answer the same prompt. Samples
    that agree yield nothing. The order of their hashed keys decides which of several is taken.
    """
    for query_item, group in groupby(rationales, key=QUERY_ITEM):  # rows arrive grouped
        samples = sorted(group, key=lambda sample: hash_digest(sample["key"]))
        right = [sample for sample in samples if is_right(sample)]
        wrong = [sample for sample in samples if not is_right(sample)]
        if right and wrong:
            yield preference_pair(right[0], wrong[0], prompts[query_item])


def is_right(rationale: Mapping) -> bool:
    """Return True where a rationale ends in the judged label."""
    return rationale["predicted_label"] == rationale["label"]


def preference_pair(right: dict, wrong: dict, prompt: str) -> dict:
    """Return the PREFERENCE_PAIRS row of a right and a wrong rationale."""
    return {
        **{name: right[name] for name in ("query_id", "item_id", "label")},
        "chosen_perspective": right["perspective"],
        "rejected_perspective": wrong["perspective"],
        "prompt": prompt,
        "chosen": answer(right),
        "rejected": answer(wrong),
    }


def mine(rationales: str | Path, judgements: str | Path, model: str | Path, out: str | Path) -> StepResult:
    """Write PREFERENCE_PAIRS of the rationales.

    A judged pair without a conflict counts as quarantined.
        Rows are streamed: memory holds the names of the judged pairs, and the prompts of those in conflict.
    """
    right = set()
    wrong = set()
    for row in contracts.read_batches(contracts.RATIONALES, rationales):
        names = right if is_right(row) else wrong
        names.add(QUERY_ITEM(row))
    prompts = render_prompts(right & wrong, judgements, model)
    rows = contracts.read_batches(contracts.RATIONALES, rationales)
    count = contracts.write_batches(preference_pairs(rows, prompts), contracts.PREFERENCE_PAIRS, out)
    total = len(right | wrong)
    return StepResult(total, count, total - count, f"{count} conflicts")

"""Training rows of SFT: right rationales, one of each label in turn, with TRL's examples of them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from components import contracts
from components.sampling import hash_digest
from components.teacher.config import SftConfig
from components.teacher.pairs import QUERY_ITEM, is_right
from components.teacher.prompts import render_prompts
from components.teacher.trainer import fits
from components.teacher_prompt import answer


@dataclass(frozen=True)
class SftRows:
    """Rows to train on with TRL's examples of them, and the counts that led there."""

    rows: list[dict]
    examples: list[dict]
    right_by_label: dict[str, int]
    over_cap: int
    too_long: int

    def quarantine_counts(self, total: int) -> dict[str, int]:
        """Count the rationales that are not trained on, by reason."""
        return {
            "not the judged label": total - sum(self.right_by_label.values()),
            "over the cap or the balance": self.over_cap,
            "longer than max_length": self.too_long,
        }


def select_rows(rationales: str | Path, judgements: str | Path, model: str | Path, config: SftConfig) -> SftRows:
    """Choose the right rationales to train on, and render them as TRL's examples.

    Raises:
        ValueError: none is right, or none fits in max_length.
    """
    from transformers import AutoTokenizer

    right = right_by_label(contracts.read_batches(contracts.RATIONALES, rationales))
    rows = cap_rows(right, config)
    if not rows:
        raise ValueError(
            f"none of {contracts.count(rationales)} rationales ends in the judged label: sample more, or start the "
            "teacher with exemplars"
        )
    prompts = render_prompts(map(QUERY_ITEM, rows), judgements, model)
    examples = [{"prompt": prompts[QUERY_ITEM(row)], "completion": answer(row)} for row in rows]
    tokenizer = AutoTokenizer.from_pretrained(model)
    fitting = [n for n, example in enumerate(examples) if fits(example, tokenizer, config.max_length)]
    if not fitting:
        raise ValueError(f"none of {len(rows)} rows fits in sft_config's max_length {config.max_length}: raise it")
    counts = {label: len(group) for label, group in right.items()}
    return SftRows(
        rows=[rows[n] for n in fitting],
        examples=[examples[n] for n in fitting],
        right_by_label=counts,
        over_cap=sum(counts.values()) - len(rows),
        too_long=len(rows) - len(fitting),
    )


def right_by_label(rows: Iterable[dict]) -> dict[str, list[dict]]:
    """Group the right rationales by label, ordered by their hashed keys."""
    groups: dict[str, list[dict]] = {label: [] for label in contracts.LABELS}
    for row in filter(is_right, rows):
        groups[row["label"]].append(row)
    for group in groups.values():
        group.sort(key=lambda row: hash_digest(row["key"]))
    return groups


def cap_rows(right: dict[str, list[dict]], config: SftConfig) -> list[dict]:
    """Take at most `rows`, one of each label in turn.

    With `balance_labels`, no label has more rows than the rarest.

    Raises:
        ValueError: they are to be balanced, and a label has none.
    """
    groups = list(right.values())
    if config.balance_labels:
        fewest = min(map(len, groups))
        if not fewest and any(groups):
            lacking = ", ".join(label for label, group in right.items() if not group)
            raise ValueError(f"sft_config's balance_labels leaves nothing: no right rationale has the label {lacking}")
        groups = [group[:fewest] for group in groups]
    rows = list(take_turns(groups))
    return rows[: config.rows or None]


def take_turns(groups: list[list[dict]]) -> Iterator[dict]:
    """Yield one of each group in turn, until all are empty."""
    for depth in range(max(map(len, groups), default=0)):
        yield from (group[depth] for group in groups if depth < len(group))

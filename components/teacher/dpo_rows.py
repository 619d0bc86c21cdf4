"""Preference pairs of DPO: those to train on, in turn by label and perspective, and those held out."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from components import contracts
from components.sampling import hash_fraction
from components.teacher.config import DpoConfig
from components.teacher.sft_rows import take_turns
from components.teacher.trainer import fits


@dataclass(frozen=True)
class DpoRows:
    """Pairs to train on and pairs held out, and the counts that led there."""

    rows: list[dict]
    held_out: list[dict]
    total: int
    too_long: int

    def quarantine_counts(self) -> dict[str, int]:
        """Count the pairs that are not trained on, by reason."""
        return {
            "held out": len(self.held_out),
            "longer than max_length": self.too_long,
            "over the cap": self.total - self.too_long - len(self.rows) - len(self.held_out),
        }


def select_pairs(pairs: str | Path, model: str | Path, config: DpoConfig) -> DpoRows:
    """Choose the pairs that fit in max_length, for training or held out.

    Raises:
        ValueError: there are none, or none fits.
    """
    from transformers import AutoTokenizer

    total = contracts.count(pairs)
    if not total:
        raise ValueError(
            "there are no preference pairs: no pair has a right and a wrong rationale; sample more of them"
        )
    tokenizer = AutoTokenizer.from_pretrained(model)
    all_pairs = contracts.read_batches(contracts.PREFERENCE_PAIRS, pairs)
    fitting = [row for row in all_pairs if fits(trl_example(row), tokenizer, config.max_length)]
    rows, held_out = hold_out_queries(fitting, config)
    if not rows:
        raise ValueError(f"none of {total} pairs fits in dpo_config's max_length {config.max_length}: raise it")
    return DpoRows(rows, held_out, total, total - len(fitting))


def hold_out_queries(pairs: Iterable[dict], config: DpoConfig) -> tuple[list[dict], list[dict]]:
    """Split pairs by query into those to train on and those held out.

    The former come in turn by label and perspective.
        Where the queries are so few that none would be left to train on, nothing is held out.
    """
    groups = defaultdict(list)
    held_out = []
    for row in pairs:
        if hash_fraction(f"held out\n{row['query_id']}") < config.held_out:
            held_out.append(row)
        else:
            groups[row["label"], row["chosen_perspective"]].append(row)
    rows = list(take_turns([groups[name] for name in sorted(groups)]))
    if not rows:
        return held_out[: config.rows or None], []
    return rows[: config.rows or None], held_out[: config.held_out_rows]


def trl_example(row: dict) -> dict:
    """Return the columns of a pair that TRL's trainer reads."""
    return {name: row[name] for name in ("prompt", "chosen", "rejected")}

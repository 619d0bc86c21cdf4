"""The label audit: a sample of the judgements for a person to label anew, and how far the two agree.

The judged labels are not shown. Strata are the labels, so that a rare one is audited as surely as a common one.
"""

import heapq
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from components import contracts, storage
from components.config import JsonConfig
from components.contracts import LABELS
from components.judgements.audit_sheet import AuditSheet, Pair, read_sheet, write_sheet
from components.sampling import hash_number
from components.step_result import StepResult


@dataclass(frozen=True)
class AuditConfig(JsonConfig):
    """How many judgements are audited, and how intervals are drawn."""

    rows: int = 100  # in equal parts of each label
    confidence: float = 0.95
    seed: int = 0


def audit(judgements: str | Path, sheet_name: str, config: AuditConfig, out: str | Path) -> StepResult:
    """Write the sample to fill in, and compare a filled sheet with the judgements.

    The sheet is an object on S3; an empty name is none.

    Raises:
        ValueError: there is no such object, or it cannot be read; the sentence names line and field.
    """
    rows, counts = draw_sample(contracts.read_batches(contracts.JUDGEMENTS, judgements), config)
    write_sheet(rows, out)
    details = {"status": "not audited", "headline": "not audited"}
    if sheet_name:
        content = storage.get_bytes(sheet_name)
        if content is None:
            raise ValueError(f"the audit {sheet_name} is not on S3; upload it, or leave the parameter `audited` empty")
        details = compare_sheet(judgements, read_sheet(content, sheet_name), counts, config)
    total = counts.total()
    return StepResult(total, len(rows), total - len(rows), details.pop("headline"), details)


def draw_sample(rows: Iterable[Mapping], config: AuditConfig) -> tuple[list[Mapping], Counter]:
    """Return equally many judgements of each label, which their ids decide, and all counts."""
    rows_per_label = math.ceil(config.rows / len(LABELS))
    counts: Counter = Counter()
    heaps: dict[str, list] = defaultdict(list)  # of the largest number first
    for row in rows:
        counts[row["label"]] += 1
        heap = heaps[row["label"]]
        push = heapq.heappush if len(heap) < rows_per_label else heapq.heappushpop
        number = hash_number(f"{config.seed}\n{row['query_id']}\n{row['item_id']}")
        push(heap, (-number, counts.total(), row))
    entries = [entry for heap in heaps.values() for entry in heap]
    return [row for _, _, row in sorted(entries, key=lambda entry: -entry[0])], counts


def compare_sheet(judgements: str | Path, sheet: AuditSheet, counts: Mapping[str, int], config: AuditConfig) -> dict:
    """Return how far a sheet agrees with the judgements, and its broken rows."""
    labels = find_labels(contracts.read_batches(contracts.JUDGEMENTS, judgements), sheet.labels)
    details = measure_agreement(labels, sheet.labels, counts, config)
    if sheet.broken_rows:
        details["headline"] += f"; {len(sheet.broken_rows)} rows cannot be read, {sheet.broken_rows[0]}"
    return details | {"broken_rows": sheet.broken_rows}


def find_labels(rows: Iterable[Mapping], pairs: Mapping[Pair, str]) -> dict[Pair, str]:
    """Return the judged labels of the pairs that a person labelled.

    Raises:
        ValueError: a pair is not judged.
    """
    labels = {}
    for row in rows:
        pair = (row["query_id"], row["item_id"])
        if pair in pairs:
            labels[pair] = row["label"]
    if unknown := pairs.keys() - labels.keys():
        raise ValueError(f"{len(unknown)} audited pairs are not among the judgements, {min(unknown)} among them")
    return labels


def measure_agreement(
    labels: Mapping[Pair, str], human_labels: Mapping[Pair, str], counts: Mapping[str, int], config: AuditConfig
) -> dict:
    """Return agreement by judged label with Wilson's interval, and overall.

    Overall, labels weigh as often as they are judged, and the interval combines Wilson's by MOVER (Zou, Huang and
    Zhang 2009, doi:10.1016/j.csda.2008.09.033).
    """
    both = Counter((labels[pair], human_label) for pair, human_label in human_labels.items())
    audit_counts = Counter(labels[pair] for pair in human_labels)
    if not audit_counts:
        return {"status": "not audited", "headline": "not audited: nothing is filled in yet"}
    by_label = {
        label: measure_share(both[label, label], audit_counts[label], config) for label in LABELS if audit_counts[label]
    }
    total = sum(counts[label] for label in by_label)
    overall = combine_shares(by_label, {label: counts[label] / total for label in by_label})
    interval = f"{overall['low']:.0%} to {overall['high']:.0%}"
    return {
        "status": "audited",
        "audited": audit_counts.total(),
        "agreement": overall,
        "agreement_by_label": by_label,
        "not_audited_labels": [label for label in LABELS if counts.get(label) and label not in by_label],
        "judged_and_human": [[*labels, count] for labels, count in sorted(both.items())],
        "headline": f"agreement {overall['agreement']:.0%} ({interval}), {audit_counts.total()} audited",
    }


def measure_share(agreeing: int, total: int, config: AuditConfig) -> dict:
    """Return a share with Wilson's interval."""
    from scipy.stats import binomtest  # a second, which who reads a profile need not wait

    interval = binomtest(agreeing, total).proportion_ci(config.confidence, method="wilson")
    return {
        "audited": total,
        "agreement": agreeing / total,
        "low": float(interval.low),
        "high": float(interval.high),
    }


def combine_shares(shares: Mapping[str, Mapping], weights: Mapping[str, float]) -> dict:
    """Return the weighted mean of independent shares, with an interval recovered from theirs."""
    mean = sum(weights[name] * share["agreement"] for name, share in shares.items())
    below = sum((weights[name] * (share["agreement"] - share["low"])) ** 2 for name, share in shares.items())
    above = sum((weights[name] * (share["high"] - share["agreement"])) ** 2 for name, share in shares.items())
    return {"agreement": mean, "low": mean - math.sqrt(below), "high": mean + math.sqrt(above)}

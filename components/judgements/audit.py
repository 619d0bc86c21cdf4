"""The label audit: a sample of the judgements for a person to label anew, and how far the two agree.

The judged labels are not shown. Strata are the labels, so that a rare one is audited as surely as a common one.
"""

import csv
import heapq
import io
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from scipy.stats import binomtest

from components import contracts, storage
from components.config import JsonConfig
from components.contracts import LABELS

SHOWN = ("query_id", "item_id", "query", "title", "brand", "category", "attributes")
COLUMNS = (*SHOWN, "human_label", "comment")
NAMED = {label.lower(): label for label in LABELS} | {label[0].lower(): label for label in LABELS}
FORMULA = ("=", "+", "-", "@", "\t", "\r", "'")  # what a spreadsheet runs, or hides


@dataclass(frozen=True)
class AuditConfig(JsonConfig):
    """How many judgements a person is asked about, in equal parts of each label; and how intervals are drawn."""

    rows: int = 100
    confidence: float = 0.95
    seed: int = 0


def audit(judgements: str | Path, filled: str, config: AuditConfig, out: str | Path) -> dict:
    """Write the sample to fill in, and say what the filled one, an object on S3, says; "" is none.

    Raises:
        ValueError: there is no such object, or it cannot be read; the sentence names line and field.
    """
    chosen, counts = sample(contracts.read_batches(contracts.JUDGEMENTS, judgements), config)
    write_sample(chosen, out)
    found = {"status": "not audited", "figure": "not audited"}
    if filled:
        content = storage.get_bytes(filled)
        if content is None:
            raise ValueError(f"the audit {filled} is not on S3; upload it, or leave the parameter `audited` empty")
        said = answers(content, filled)
        found = agreement(judged(contracts.read_batches(contracts.JUDGEMENTS, judgements), said), said, counts, config)
    total = counts.total()
    return {"rows_in": total, "rows_out": len(chosen), "set_aside": total - len(chosen), **found}


def sample(rows: Iterable[Mapping], config: AuditConfig) -> tuple[list[Mapping], Counter]:
    """Equally many judgements of each label while there are, in an order that their names decide; and all counts."""
    each = math.ceil(config.rows / len(LABELS))
    counts: Counter = Counter()
    smallest: dict[str, list] = defaultdict(list)  # heaps of the largest drawn number first
    for row in rows:
        counts[row["label"]] += 1
        drawn = drawn_number(row, config.seed)
        keep = heapq.heappush if len(smallest[row["label"]]) < each else heapq.heappushpop
        keep(smallest[row["label"]], (-drawn, counts.total(), row))
    kept = [entry for heap in smallest.values() for entry in heap]
    return [row for _, _, row in sorted(kept, key=lambda entry: -entry[0])], counts


def drawn_number(row: Mapping, seed: int) -> int:
    """What a pair is drawn by."""
    return int.from_bytes(sha256(f"{seed}\n{row['query_id']}\n{row['item_id']}".encode()).digest()[:8], "big")


def write_sample(rows: Iterable[Mapping], out: str | Path) -> None:
    """Write the CSV that a person fills in; with a mark by which Excel knows UTF-8, and no text that it would run."""
    Path(out).parent.mkdir(parents=True, exist_ok=True)
    with open(out, "w", encoding="utf-8-sig", newline="", errors="replace") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows([*(harmless(row[name] or "") for name in SHOWN), "", ""] for row in rows)


def harmless(text: str) -> str:
    """Text that no spreadsheet takes for a formula: an apostrophe before what could be one."""
    return f"'{text}" if text.startswith(FORMULA) else text


def answers(content: bytes, name: str) -> dict[tuple[str, str], str]:
    """What a person filled in, by pair; rows that are still empty are left out.

    Raises:
        ValueError: a column is missing, a label is none, or a pair occurs twice; with file and line.
    """
    found: dict[tuple[str, str], str] = {}
    for line, row in filled_rows(content, name):
        said = (row["human_label"] or "").strip()
        if not said:
            continue
        pair = tuple(row[field].removeprefix("'") for field in SHOWN[:2])
        if said.lower() not in NAMED:
            raise ValueError(
                f"{name}, line {line}: human_label is {said!r}; give one of {', '.join(LABELS)} or E/S/C/I"
            )
        if pair in found:
            raise ValueError(f"{name}, line {line}: the pair {pair} is there twice; keep one of its rows")
        found[pair] = NAMED[said.lower()]
    return found


def filled_rows(content: bytes, name: str) -> Iterator[tuple[int, dict]]:
    """Line number and row of a CSV whose columns are parted by commas or, as in much of Europe, by semicolons."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{name} is not UTF-8 ({error}); save it as CSV UTF-8") from error
    head = text.split("\n", 1)[0]
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=head.count))
    if missing := {*SHOWN[:2], "human_label"} - set(reader.fieldnames or ()):
        raise ValueError(f"{name} has no column {sorted(missing)}; keep the columns of the audit.csv that a run left")
    for row in reader:
        if row["query_id"] is None or row["item_id"] is None or row["human_label"] is None:
            raise ValueError(f"{name}, line {reader.line_num}: the row is cut off; it needs all {len(COLUMNS)} columns")
        yield reader.line_num, row


def judged(rows: Iterable[Mapping], said: Mapping[tuple[str, str], str]) -> dict[tuple[str, str], str]:
    """The judged labels of the pairs that a person labelled.

    Raises:
        ValueError: a pair is not judged.
    """
    pairs = ((row["query_id"], row["item_id"], row["label"]) for row in rows)
    found = {(query, item): label for query, item, label in pairs if (query, item) in said}
    if unknown := said.keys() - found.keys():
        raise ValueError(f"{len(unknown)} audited pairs are not among the judgements, {min(unknown)} among them")
    return found


def agreement(
    judged_labels: Mapping[tuple[str, str], str],
    said: Mapping[tuple[str, str], str],
    counts: Mapping[str, int],
    config: AuditConfig,
) -> dict:
    """Agreement by judged label with Wilson's interval, and overall, labels weighted by how often they are judged.

    The overall interval combines Wilson's by MOVER (Zou, Huang and Zhang 2009, doi:10.1016/j.csda.2008.09.033).
    """
    both = Counter((judged_labels[pair], label) for pair, label in said.items())
    asked = Counter(judged_labels[pair] for pair in said)
    if not asked:
        return {"status": "not audited", "figure": "not audited: nothing is filled in yet"}
    by_label = {label: proportion(both[label, label], asked[label], config) for label in LABELS if asked[label]}
    weights = {label: counts[label] / sum(counts[name] for name in by_label) for label in by_label}
    whole = mover(by_label, weights)
    return {
        "status": "audited",
        "audited": asked.total(),
        "agreement": whole,
        "agreement_by_label": by_label,
        "not_audited_labels": [label for label in LABELS if counts.get(label) and label not in by_label],
        "judged_and_human": [[one, other, n] for (one, other), n in sorted(both.items())],
        "figure": f"agreement {whole['agreement']:.0%} ({whole['low']:.0%} to {whole['high']:.0%}), "
        f"{asked.total()} audited",
    }


def proportion(right: int, asked: int, config: AuditConfig) -> dict:
    """A share with Wilson's interval."""
    interval = binomtest(right, asked).proportion_ci(config.confidence, method="wilson")
    return {"audited": asked, "agreement": right / asked, "low": float(interval.low), "high": float(interval.high)}


def mover(parts: Mapping[str, Mapping], weights: Mapping[str, float]) -> dict:
    """A weighted mean of independent shares, its interval recovered from theirs."""
    mean = sum(weights[name] * part["agreement"] for name, part in parts.items())
    below = sum((weights[name] * (part["agreement"] - part["low"])) ** 2 for name, part in parts.items())
    above = sum((weights[name] * (part["high"] - part["agreement"])) ** 2 for name, part in parts.items())
    return {"agreement": mean, "low": mean - math.sqrt(below), "high": mean + math.sqrt(above)}

"""The lineage of a package: digests of what it was made from, and how much of it there was."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from components import contracts
from components.package_manifest import file_digest
from components.source_digest import source_digest
from components.student.unjudged import read_unjudged

MAX_BRANDS = 5000


def describe_lineage(training_set: str | Path, embeddings: str | Path | None, model: Path) -> dict:
    """Describe what a package is made from, as lineage.json holds it.

    A plain student has no embeddings, for it learnt from no rationale.
    """
    digests = {
        "training_set": file_digest(Path(training_set)),
        "rationale_embeddings": file_digest(Path(embeddings)) if embeddings else "",
        "weights": file_digest(model / "model.safetensors"),
        "code": source_digest(),
    }
    counts = count_judgements(training_set) | count_rationales(embeddings)
    return digests | counts | {"unjudged_pairs": read_unjudged(model)}


def count_judgements(training_set: str | Path) -> dict:
    """Count judged pairs by split and label, queries by split, and labels by brand."""
    pairs: dict[str, Counter] = {}
    queries: dict[str, set] = {}
    brands: dict[str, Counter] = {}
    for row in contracts.read_batches(contracts.TRAINING_SET, training_set):
        if row["label"] is None:
            continue
        pairs.setdefault(row["split"], Counter())[row["label"]] += 1
        queries.setdefault(row["split"], set()).add(row["query_id"])
        brands.setdefault(row["brand"] or "", Counter())[row["label"]] += 1
    return {
        "pairs": {split: dict.fromkeys(contracts.LABELS, 0) | pairs[split] for split in sorted(pairs)},
        "queries": {split: len(queries[split]) for split in sorted(queries)},
        "labels_by_brand": count_labels_by_brand(brands),
    }


def count_rationales(embeddings: str | Path | None) -> dict:
    """Count rationales by perspective, and list the teachers that wrote them."""
    teachers = set()
    perspectives = Counter()
    for row in contracts.read_batches(contracts.RATIONALE_EMBEDDINGS, embeddings) if embeddings else ():
        teachers.add(row["model_digest"])
        perspectives[row["perspective"]] += 1
    return {"teachers": sorted(teachers), "rationales": dict(sorted(perspectives.items()))}


def count_labels_by_brand(brands: Mapping[str, Counter]) -> dict[str, list[int]]:
    """Count labels of the brands with most judged pairs, which the next gate compares."""
    names = sorted((name for name in brands if name), key=lambda name: (-brands[name].total(), name))
    return {name: label_counts(brands[name]) for name in names[:MAX_BRANDS]}


def label_counts(counts: Counter) -> list[int]:
    """Return the counts in the order of LABELS."""
    return [counts[label] for label in contracts.LABELS]

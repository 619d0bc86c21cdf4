"""What a package says of itself: where it comes from, how good it is, and what it is not for."""

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path

from components import contracts
from components.html import percent, render
from components.package_manifest import file_digest
from components.source_digest import source_digest
from components.teacher_prompt import clean

BRANDS = 5000


def lineage(training_set: str | Path, embeddings: str | Path, model: Path) -> dict:
    """Digests of what a package was made from, and how much of it there was."""
    pairs, queries, teachers, perspectives = Counter(), {}, set(), Counter()
    brands: dict[str, Counter] = {}
    for row in contracts.read_batches(contracts.TRAINING_SET, training_set):
        pairs[row["split"], row["label"]] += 1
        brands.setdefault(row["brand"] or "", Counter())[row["label"]] += 1
        queries.setdefault(row["split"], set()).add(row["query_id"])
    for row in contracts.read_batches(contracts.RATIONALE_EMBEDDINGS, embeddings):
        teachers.add(row["model_digest"])
        perspectives[row["perspective"]] += 1
    return {
        "training_set": file_digest(Path(training_set)),
        "rationale_embeddings": file_digest(Path(embeddings)),
        "weights": file_digest(model / "model.safetensors"),
        "teachers": sorted(teachers),
        "code": source_digest(),
        "pairs": {split: {label: pairs[split, label] for label in contracts.LABELS} for split in sorted(queries)},
        "queries": {split: len(names) for split, names in sorted(queries.items())},
        "rationales": dict(sorted(perspectives.items())),
        "labels_by_brand": largest(brands),
    }


def largest(brands: Mapping[str, Counter]) -> dict[str, list[int]]:
    """How often each label was given, of the brands with most judged pairs: the next night's gate compares them."""
    named = sorted((name for name in brands if name), key=lambda name: (-brands[name].total(), name))
    return {name: [brands[name][label] for label in contracts.LABELS] for name in named[:BRANDS]}


def slices(rows: Iterable[Mapping]) -> dict[str, dict]:
    """Accuracy and number of PREDICTIONS rows by label, class of query, and locale."""
    right, count = Counter(), Counter()
    for row in rows:
        for what in ("label", "query_class", "locale"):
            place = f"{what.replace('_', ' ')} {clean(row[what], 24) or 'not stated'}"
            count[place] += 1
            right[place] += row["predicted_label"] == row["label"]
    return {place: {"accuracy": right[place] / count[place], "pairs": count[place]} for place in sorted(count)}


def model_card(config: Mapping, said: Mapping, origin: Mapping) -> str:
    """The card that a person reads before trusting the package, as Markdown."""
    context = {"config": config, "said": said, "origin": origin, "labels": contracts.LABELS}
    filters = {"percent": partial(percent, missing="not known")}
    return render(Path(__file__).with_name("model_card.md.j2"), context, filters)

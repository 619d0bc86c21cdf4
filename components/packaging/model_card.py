"""The model card: what a package is made of, how good it is, and what it is not for."""

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path

from components import contracts
from components.html import percent, render
from components.packaging.package_metrics import PackageMetrics
from components.teacher_prompt import clean

TEMPLATE = Path(__file__).parent / "model_card.md.j2"
SLICE_COLUMNS = ("label", "query_class", "locale")


def measure_slices(rows: Iterable[Mapping]) -> dict[str, dict]:
    """Return accuracy and number of PREDICTIONS rows by label, class of query, and locale."""
    right = Counter()
    count = Counter()
    for row in rows:
        for column in SLICE_COLUMNS:
            name = f"{column.replace('_', ' ')} {clean(row[column], 24) or 'not stated'}"
            count[name] += 1
            right[name] += row["predicted_label"] == row["label"]
    return {name: {"accuracy": right[name] / count[name], "pairs": count[name]} for name in sorted(count)}


def model_card(config: Mapping, metrics: PackageMetrics, lineage: Mapping) -> str:
    """Render the card that a person reads before trusting the package, as Markdown."""
    context = {"config": config, "metrics": metrics, "lineage": lineage, "labels": contracts.LABELS}
    return render(TEMPLATE, context, {"percent": partial(percent, missing="not known")})

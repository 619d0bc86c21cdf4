"""Is the candidate at least as good as the baseline? Both scored the same rows; the answer is a verdict with reasons.

Non-inferiority with stated margins, on differences that come with intervals; the worst finding decides.
"""

from dataclasses import dataclass
from pathlib import Path

from components.config import JsonConfig
from components.contracts import LABELS
from components.release.compare import Bootstrap, Scored, confusion, differences, load, metrics_of


@dataclass(frozen=True)
class GateConfig(JsonConfig):
    """How much worse a candidate may be, and how bad it may never be."""

    margin_accuracy: float = 0.01
    margin_macro_f1: float = 0.01
    margin_slice: float = 0.05
    minimum_slice_rows: int = 100
    floor_accuracy: float = 0.3
    floor_macro_f1: float = 0.15
    bootstrap_samples: int = 1000
    confidence: float = 0.95
    seed: int = 7


def gate(
    candidate: Path, baseline: Path, config: GateConfig, candidate_version: str = "", serving_version: str = ""
) -> dict:
    """Compare two PREDICTIONS tables of the same rows: metrics, differences with intervals, slices, verdict, reasons.

    Raises:
        ValueError: the tables are empty, or do not hold the same query-item pairs and labels.
    """
    new, old = load(candidate), load(baseline)
    _check_same_rows(new, old)
    bootstrap = Bootstrap(config.bootstrap_samples, config.confidence, config.seed, config.minimum_slice_rows)
    found, slices = differences(new, old, bootstrap)
    metrics = {"candidate": metrics_of(new), "baseline": metrics_of(old)}
    word, reasons = decide(metrics, found, slices, config)
    if candidate_version and candidate_version == serving_version:
        word, reasons = "hold", ["this version already serves"]
    return {
        "verdict": word,
        "reasons": reasons,
        "candidate_version": candidate_version,
        "serving_version": serving_version,
        "rows": len(new.label),
        "queries": len(set(new.rows["query_id"].to_pylist())),
        "metrics": metrics,
        "differences": found,
        "slices": slices,
        "confusion": {"candidate": confusion(new), "baseline": confusion(old)},
        "labels": list(LABELS),
    }


def decide(metrics: dict, overall: dict, slices: list[dict], config: GateConfig) -> tuple[str, list[str]]:
    """Release, hold or reject, and why, from figures alone; the worst finding decides."""
    rejects, holds = [], []
    floors = {"accuracy": config.floor_accuracy, "macro_f1": config.floor_macro_f1}
    for name, margin in (("accuracy", config.margin_accuracy), ("macro_f1", config.margin_macro_f1)):
        found, floor = overall[name], floors[name]
        interval = f"{name} differs by {found['difference']:+.4f}, interval {found['low']:+.4f} to {found['high']:+.4f}"
        if metrics["candidate"][name] < floor:
            rejects.append(f"{name} is {metrics['candidate'][name]:.4f}, below the floor of {floor}")
        if found["high"] < -margin:
            rejects.append(f"{interval}: worse by more than the margin of {margin}")
        elif found["low"] < -margin:
            holds.append(f"{interval}: it may be worse by more than the margin of {margin}, more rows would tell")
    for part in (part for part in slices if part["slice"] != "label"):  # labels trade off; macro-F1 judges them
        text = f"{part['slice']} {part['value']}: accuracy differs by {part['difference']:+.4f} on {part['rows']} rows"
        if part["high"] < -config.margin_slice:
            rejects.append(f"{text}, worse by more than the slice margin of {config.margin_slice}")
        elif part["difference"] < -config.margin_slice and part["high"] < 0:
            holds.append(f"{text}, and is surely worse")
    if rejects:
        return "reject", rejects + holds
    if holds:
        return "hold", holds
    return "release", [
        "no worse than the baseline by more than the margins, overall and by class of query, locale, category"
    ]


def _check_same_rows(new: Scored, old: Scored) -> None:
    key = ("query_id", "item_id", "label")
    pairs = [set(zip(*(scored.rows[name].to_pylist() for name in key), strict=True)) for scored in (new, old)]
    if pairs[0] != pairs[1]:
        raise ValueError(
            f"candidate and baseline scored different rows: {len(pairs[0] - pairs[1])} only the candidate, "
            f"{len(pairs[1] - pairs[0])} only the baseline; score both on the same file"
        )
    if len(new.label) != len(pairs[0]) or len(old.label) != len(pairs[1]):
        raise ValueError("a query-item pair occurs twice in the predictions: score each pair once")

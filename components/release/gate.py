"""Is the candidate at least as good as the baseline? Both scored the same rows; the answer is a verdict with reasons.

Non-inferiority with stated margins, on differences that come with intervals; the worst finding decides. `hold` is for
a person: it may be right or wrong, and what is known does not tell.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from components.config import JsonConfig
from components.contracts import LABELS
from components.release.compare import Bootstrap, Scored, confusion, differences, load, metrics_of


@dataclass(frozen=True)
class GateConfig(JsonConfig):
    """How much worse a candidate may be, and how bad it may never be."""

    margin_accuracy: float = 0.01
    margin_macro_f1: float = 0.01
    margin_auc_exact: float = 0.02
    margin_ndcg_at_10: float = 0.02
    margin_calibration_error: float = 0.03  # which is better small
    margin_slice: float = 0.05
    margin_latency: float = 0.25  # of the baseline's time
    margin_checked_pairs: int = 3  # hand-checked pairs that it may have wrong more than the baseline
    minimum_slice_rows: int = 100
    floor_accuracy: float = 0.3
    floor_macro_f1: float = 0.15
    floor_checked_pairs: float = 0.25  # chance, of four labels
    bootstrap_samples: int = 1000
    confidence: float = 0.95
    seed: int = 7


@dataclass(frozen=True)
class Beside:
    """What else is known of the two packages: asked the same in turn, and what brands' labels moved between them."""

    measured: Mapping = field(default_factory=dict)  # what student.side_by_side says
    shifted: Sequence[Mapping] = ()


@dataclass(frozen=True)
class Versions:
    """Which version asks to be released, and which serves; none serves before the first release."""

    candidate: str = ""
    serving: str = ""


def gate(candidate: Path, baseline: Path, config: GateConfig, versions: Versions, beside: Beside) -> dict:
    """Compare two PREDICTIONS tables of the same rows: metrics, differences with intervals, slices, verdict, reasons.

    Raises:
        ValueError: the tables are empty, or do not hold the same query-item pairs and labels.
    """
    new, old = load(candidate), load(baseline)
    _check_same_rows(new, old)
    bootstrap = Bootstrap(config.bootstrap_samples, config.confidence, config.seed, config.minimum_slice_rows)
    found, slices = differences(new, old, bootstrap)
    metrics = {"candidate": metrics_of(new), "baseline": metrics_of(old)}
    worries = [*of_differences(metrics, found, config), *of_slices(slices, config), *of_beside(beside, config)]
    if not versions.serving:
        worries += of_first_release(metrics, new, config)
    word, reasons = decide(worries)
    if versions.candidate and versions.candidate == versions.serving:
        word, reasons = "hold", ["this version already serves"]
    return {
        "verdict": word,
        "reasons": reasons,
        "candidate_version": versions.candidate,
        "serving_version": versions.serving,
        "rows": len(new.label),
        "queries": len(set(new.rows["query_id"].to_pylist())),
        "metrics": metrics,
        "differences": found,
        "slices": slices,
        "beside": dict(beside.measured),
        "shifted_brands": list(beside.shifted),
        "confusion": {"candidate": confusion(new), "baseline": confusion(old)},
        "labels": list(LABELS),
    }


Worry = tuple[str, str]  # reject or hold, and why


def decide(worries: Sequence[Worry]) -> tuple[str, list[str]]:
    """Release, hold or reject, and why; the worst finding decides."""
    reasons = {word: [why for said, why in worries if said == word] for word in ("reject", "hold")}
    if reasons["reject"]:
        return "reject", reasons["reject"] + reasons["hold"]
    if reasons["hold"]:
        return "hold", reasons["hold"]
    kinds = "class and kind of query, locale, category"
    return "release", [f"no worse than the baseline by more than the margins, overall and by {kinds}"]


def of_differences(metrics: dict, overall: dict, config: GateConfig) -> Iterator[Worry]:
    """Overall figures that are too low, worse than the baseline's by more than a margin, or may be."""
    floors = {"accuracy": config.floor_accuracy, "macro_f1": config.floor_macro_f1}
    margins = {name.removeprefix("margin_"): value for name, value in asdict(config).items()}
    for name, found in overall.items():
        margin, sign = margins[name], -1 if name == "calibration_error" else 1
        worst, best = sorted((sign * found["low"], sign * found["high"]))
        interval = f"{name} differs by {found['difference']:+.4f}, interval {found['low']:+.4f} to {found['high']:+.4f}"
        if metrics["candidate"][name] < floors.get(name, 0):
            yield "reject", f"{name} is {metrics['candidate'][name]:.4f}, below the floor of {floors[name]}"
        if best < -margin:
            yield "reject", f"{interval}: worse by more than the margin of {margin}"
        elif worst < -margin:
            yield "hold", f"{interval}: it may be worse by more than the margin of {margin}, more rows would tell"


def of_slices(slices: Sequence[Mapping], config: GateConfig) -> Iterator[Worry]:
    """Parts of the rows where it is worse; labels trade off, and macro-F1 judges them."""
    for part in (part for part in slices if part["slice"] != "label"):
        text = f"{part['slice']} {part['value']}: accuracy differs by {part['difference']:+.4f} on {part['rows']} rows"
        if part["high"] < -config.margin_slice:
            yield "reject", f"{text}, worse by more than the slice margin of {config.margin_slice}"
        elif part["difference"] < -config.margin_slice and part["high"] < 0:
            yield "hold", f"{text}, and is surely worse"


def of_beside(beside: Beside, config: GateConfig) -> Iterator[Worry]:
    """Time, hand-checked pairs, and labels that moved: what a person has to look at."""
    said = beside.measured
    if said and said["latency_ratio"] > 1 + config.margin_latency:
        yield (
            "hold",
            f"it takes {said['latency_ratio']:.2f} of the baseline's CPU time, over 1 + {config.margin_latency}",
        )
    if said:
        right, before, pairs = (said[f"checked_{name}"] for name in ("right_candidate", "right_baseline", "pairs"))
        if right < before - config.margin_checked_pairs:
            yield "hold", f"{right} of {pairs} hand-checked pairs are right, the baseline's are {before}"
        if right < config.floor_checked_pairs * pairs:
            yield "hold", f"{right} of {pairs} hand-checked pairs are right, under {config.floor_checked_pairs:.0%}"
    for one in beside.shifted:
        why = f"{one['moved']:.0%} of the labels of brand {one['brand']!r} moved since the serving version was trained"
        yield "hold", f"{why} ({one['pairs']} pairs, p {one['p_value']:.1e}): look at who judged them"


def of_first_release(metrics: dict, new: Scored, config: GateConfig) -> Iterator[Worry]:
    """Where nothing serves yet, it has at least to beat naming the commonest label."""
    commonest = float(np.bincount(new.label).max() / len(new.label))
    if metrics["candidate"]["accuracy"] < commonest - config.margin_accuracy:
        yield "hold", f"a first release: accuracy is under {commonest:.4f}, which naming one label always gives"


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

"""The gate: whether the candidate is at least as good as the baseline, as a verdict with reasons.

Non-inferiority with stated margins, on differences that come with intervals; the worst finding decides. `hold` is for
a person: the candidate may be right or wrong, and what is known does not tell.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from components.config import JsonConfig
from components.contracts import LABELS
from components.release.compare import Bootstrap, Comparison, compare
from components.release.gate_evidence import GateEvidence
from components.release.gate_verdict import Benchmark, BrandShift, Difference, GateVerdict, SliceDifference
from components.release.predictions import Predictions, check_same_rows, load_predictions

RELEASE_REASON = (
    "no worse than the baseline by more than the margins, overall and by class and kind of query, locale, category"
)


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
    margin_checked_pairs: int = 3  # golden pairs that it may have wrong more than the baseline
    minimum_slice_rows: int = 100
    lrkd_gain: float = 0.0  # of macro-F1 over the plain student, above which LRKD is the candidate
    floor_accuracy: float = 0.3
    floor_macro_f1: float = 0.15
    floor_checked_pairs: float = 0.25  # chance, of four labels
    bootstrap_samples: int = 1000
    confidence: float = 0.95
    seed: int = 7


@dataclass(frozen=True)
class Versions:
    """The version that asks to be released, and the one that serves, if any."""

    candidate: str = ""
    serving: str = ""


@dataclass(frozen=True)
class Finding:
    """Something that speaks against a release: `reject` or `hold`, and why."""

    verdict: str
    reason: str


def run_gate(
    candidate: Path, baseline: Path, config: GateConfig, versions: Versions, evidence: GateEvidence
) -> GateVerdict:
    """Compare two PREDICTIONS tables of the same rows, and decide.

    Raises:
        ValueError: the tables are empty, or do not hold the same query-item pairs and labels.
    """
    new = load_predictions(candidate)
    old = load_predictions(baseline)
    check_same_rows(new, old)
    bootstrap = Bootstrap(config.bootstrap_samples, config.confidence, config.seed, config.minimum_slice_rows)
    comparison = compare(new, old, bootstrap)
    metrics = {"candidate": new.metrics(), "baseline": old.metrics()}
    findings = find_all(metrics, comparison, evidence, config)
    if versions.serving:
        findings += check_latency(evidence.benchmark, config)
    else:
        findings += check_first_release(metrics["candidate"]["accuracy"], new, config)
    verdict, reasons = decide(findings, versions)
    return GateVerdict(
        verdict=verdict,
        reasons=reasons,
        candidate_version=versions.candidate,
        serving_version=versions.serving,
        rows=len(new.label),
        queries=len(new.query_starts),
        metrics=metrics,
        differences=comparison.overall,
        slices=comparison.slices,
        benchmark=evidence.benchmark,
        brands_with_label_shift=list(evidence.brands_with_label_shift),
        choice=evidence.choice,
        confusion={"candidate": new.confusion(), "baseline": old.confusion()},
        labels=list(LABELS),
    )


def find_all(
    metrics: Mapping[str, Mapping[str, float]], comparison: Comparison, evidence: GateEvidence, config: GateConfig
) -> list[Finding]:
    """Return everything that speaks against a release."""
    return [
        *check_differences(metrics["candidate"], comparison.overall, config),
        *check_slices(comparison.slices, config),
        *check_benchmark(evidence.benchmark, config),
        *check_brands(evidence.brands_with_label_shift),
        *([Finding("reject", evidence.signature_problem)] if evidence.signature_problem else []),
    ]


def decide(findings: Sequence[Finding], versions: Versions) -> tuple[str, list[str]]:
    """Return release, hold or reject as the worst finding says, and the reasons."""
    if versions.candidate and versions.candidate == versions.serving:
        return "hold", ["this version already serves"]
    reject_reasons = [finding.reason for finding in findings if finding.verdict == "reject"]
    hold_reasons = [finding.reason for finding in findings if finding.verdict == "hold"]
    if reject_reasons:
        return "reject", reject_reasons + hold_reasons
    if hold_reasons:
        return "hold", hold_reasons
    return "release", [RELEASE_REASON]


def check_differences(
    metrics: Mapping[str, float], differences: Mapping[str, Difference], config: GateConfig
) -> Iterator[Finding]:
    """Yield overall metrics below a floor, or worse than the baseline's by a margin."""
    floors = {"accuracy": config.floor_accuracy, "macro_f1": config.floor_macro_f1}
    for name, gap in differences.items():
        value = metrics[name]
        if value < floors.get(name, 0):
            yield Finding("reject", f"{name} is {value:.4f}, below the floor of {floors[name]}")
        yield from _check_margin(name, gap, getattr(config, f"margin_{name}"))


def _check_margin(name: str, gap: Difference, margin: float) -> Iterator[Finding]:
    sign = -1 if name == "calibration_error" else 1
    worst, best = sorted((sign * gap.low, sign * gap.high))
    interval = f"{name} differs by {gap.difference:+.4f}, interval {gap.low:+.4f} to {gap.high:+.4f}"
    if best < -margin:
        yield Finding("reject", f"{interval}: worse by more than the margin of {margin}")
    elif worst < -margin:
        yield Finding("hold", f"{interval}: it may be worse by more than the margin of {margin}; more rows would tell")


def check_slices(slices: Sequence[SliceDifference], config: GateConfig) -> Iterator[Finding]:
    """Yield slices where the candidate is worse, except labels, which macro-F1 judges."""
    for part in slices:
        if part.slice == "label":
            continue
        text = f"{part.slice} {part.value}: accuracy differs by {part.difference:+.4f} on {part.rows} rows"
        if part.high < -config.margin_slice:
            yield Finding("reject", f"{text}, worse by more than the slice margin of {config.margin_slice}")
        elif part.difference < -config.margin_slice and part.high < 0:
            yield Finding("hold", f"{text}, and is surely worse")


def check_latency(benchmark: Benchmark | None, config: GateConfig) -> Iterator[Finding]:
    """Yield a candidate that is slower than the version that serves.

    A first release slows nobody down: its baseline serves nobody, and may be int8 where the candidate is not.
    """
    if benchmark and benchmark.latency_ratio > 1 + config.margin_latency:
        ratio = f"{benchmark.latency_ratio:.2f}"
        yield Finding("hold", f"it takes {ratio} of the baseline's CPU time, over 1 + {config.margin_latency}")


def check_benchmark(benchmark: Benchmark | None, config: GateConfig) -> Iterator[Finding]:
    """Yield golden pairs that a person has to look at."""
    if not benchmark:
        return
    right = benchmark.golden_right_candidate
    text = f"{right} of {benchmark.golden_pairs} golden pairs are right"
    if right < benchmark.golden_right_baseline - config.margin_checked_pairs:
        yield Finding("hold", f"{text}, the baseline's are {benchmark.golden_right_baseline}")
    if right < config.floor_checked_pairs * benchmark.golden_pairs:
        yield Finding("hold", f"{text}, under {config.floor_checked_pairs:.0%}")


def check_brands(shifts: Sequence[BrandShift]) -> Iterator[Finding]:
    """Yield brands whose labels moved, for a person to look at."""
    for shift in shifts:
        share = f"{shift.moved_share:.0%} of the labels of brand {shift.brand!r} moved"
        evidence = f"{shift.pairs} pairs, p {shift.p_value:.1e}"
        yield Finding("hold", f"{share} since the serving version was trained ({evidence}): look at who judged them")


def check_first_release(accuracy: float, candidate: Predictions, config: GateConfig) -> Iterator[Finding]:
    """Yield a first release that does not beat naming the commonest label."""
    commonest = float(np.bincount(candidate.label).max() / len(candidate.label))
    if accuracy < commonest - config.margin_accuracy:
        reason = f"a first release: accuracy is under {commonest:.4f}, which naming one label always gives"
        yield Finding("hold", reason)

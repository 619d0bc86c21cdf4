"""The gate's verdict, and its reasons."""

import pytest

from components import contracts
from components.release.gate import (
    Finding,
    GateConfig,
    Versions,
    check_benchmark,
    check_differences,
    check_first_release,
    check_latency,
    check_slices,
    decide,
    run_gate,
)
from components.release.gate_evidence import GateEvidence
from components.release.gate_verdict import Benchmark, BrandShift, Difference, GateVerdict, SliceDifference
from components.release.predictions import load_predictions
from tests.components.release import predictions

CONFIG = GateConfig(bootstrap_samples=200)
VERSIONS = Versions("v2", "v1")
BENCHMARK = {"latency_ratio": 1.0, "golden_pairs": 32, "golden_right_candidate": 20, "golden_right_baseline": 20}
GOOD = {"accuracy": 0.6, "macro_f1": 0.5}


def difference(low, high):
    return Difference((low + high) / 2, low, high)


def overall(low=0.0, high=0.02):
    return {"accuracy": difference(low, high), "macro_f1": difference(low, high)}


def part(low, high, column="locale"):
    return SliceDifference(column, "us", 200, 0.6, 0.6, (low + high) / 2, low, high)


@pytest.mark.parametrize(
    ("verdict", "metrics", "differences", "slices"),
    [
        ("release", GOOD, overall(), []),
        ("release", GOOD, overall(-0.01, 0.02), []),
        ("hold", GOOD, overall(-0.011, 0.02), []),
        ("hold", GOOD, overall(-0.02, -0.01), []),
        ("reject", GOOD, overall(-0.03, -0.011), []),
        ("reject", {"accuracy": 0.29, "macro_f1": 0.5}, overall(), []),
        ("reject", GOOD, overall(), [part(-0.2, -0.06)]),
        ("hold", GOOD, overall(), [part(-0.2, -0.01)]),
        ("release", GOOD, overall(), [part(-0.2, 0.01)]),
        ("release", GOOD, overall(), [part(-0.2, -0.06, "label")]),
    ],
)
def test_metrics_lead_to_one_verdict(verdict, metrics, differences, slices):
    findings = [*check_differences(metrics, differences, CONFIG), *check_slices(slices, CONFIG)]
    decided, reasons = decide(findings, VERSIONS)
    assert decided == verdict and reasons


@pytest.mark.parametrize(("new", "old", "verdict"), [(1.5, 1.0, "release"), (1.0, 1.5, "reject"), (1.3, 1.3, "hold")])
def test_better_is_released_worse_rejected_doubtful_held(tmp_path, new, old, verdict):
    candidate = predictions.write(tmp_path / "new", new, seed=2)
    baseline = predictions.write(tmp_path / "old", old, seed=3)
    assert run_gate(candidate, baseline, CONFIG, VERSIONS, GateEvidence()).verdict == verdict


def test_one_broken_query_class_rejects_a_better_model(tmp_path):
    new = predictions.write(tmp_path / "new", (5.0, 5.0, 0.6))
    old = predictions.write(tmp_path / "old", 1.5, seed=3)
    verdict = run_gate(new, old, CONFIG, VERSIONS, GateEvidence())
    assert verdict.differences["accuracy"].low > 0
    assert verdict.verdict == "reject" and "query_class tail" in verdict.reasons[0]


def test_the_version_that_serves_already_is_held(tmp_path):
    path = predictions.write(tmp_path / "new", 1.5)
    verdict = run_gate(path, path, CONFIG, Versions("v1", "v1"), GateEvidence())
    assert (verdict.verdict, verdict.reasons) == ("hold", ["this version already serves"])


def test_predictions_of_different_rows_are_not_compared(tmp_path):
    few = predictions.write(tmp_path / "few", 1.5, queries=10)
    more = predictions.write(tmp_path / "more", 1.5, queries=12)
    with pytest.raises(ValueError, match="16 only the candidate, 0 only the baseline"):
        run_gate(more, few, CONFIG, VERSIONS, GateEvidence())


def test_a_pair_that_was_scored_twice_is_named(tmp_path):
    path = predictions.write(tmp_path / "twice", 1.5, queries=5, item_id="i1")
    with pytest.raises(ValueError, match="occurs twice"):
        run_gate(path, path, CONFIG, VERSIONS, GateEvidence())


def test_empty_predictions_are_refused(tmp_path):
    contracts.write([], contracts.PREDICTIONS, tmp_path / "none")
    with pytest.raises(ValueError, match="holds no rows"):
        run_gate(tmp_path / "none", tmp_path / "none", CONFIG, VERSIONS, GateEvidence())


@pytest.mark.parametrize(
    ("changed", "reasons"),
    [
        ({}, []),
        ({"latency_ratio": 1.3}, ["takes 1.30 of the baseline's CPU time"]),
        ({"golden_right_candidate": 16}, ["16 of 32 golden pairs are right, the baseline's are 20"]),
        ({"golden_right_candidate": 7, "golden_right_baseline": 7}, ["under 25%"]),
    ],
)
def test_a_slow_or_forgetful_candidate_is_held(changed, reasons):
    benchmark = Benchmark(**BENCHMARK | changed)
    findings = [*check_latency(benchmark, CONFIG), *check_benchmark(benchmark, CONFIG)]
    assert [finding.verdict for finding in findings] == ["hold"] * len(reasons)
    assert all(reason in finding.reason for reason, finding in zip(reasons, findings, strict=True))


@pytest.mark.parametrize(("serving", "verdict"), [("v1", "hold"), ("", "release")])
def test_a_first_release_slows_nobody_down(tmp_path, serving, verdict):
    candidate = predictions.write(tmp_path / "new", 1.5)
    baseline = predictions.write(tmp_path / "old", 1.0, seed=3)
    slow = GateEvidence(Benchmark(**BENCHMARK | {"latency_ratio": 1.3}))
    assert run_gate(candidate, baseline, CONFIG, Versions("v2", serving), slow).verdict == verdict


def test_a_worse_calibration_is_a_larger_error():
    metrics = {"calibration_error": 0.1}
    assert not list(check_differences(metrics, {"calibration_error": difference(-0.5, -0.4)}, CONFIG))
    (finding,) = check_differences(metrics, {"calibration_error": difference(0.04, 0.05)}, CONFIG)
    assert finding.verdict == "reject"


def test_a_brand_whose_labels_moved_is_named(tmp_path):
    path = predictions.write(tmp_path / "new", 1.5)
    evidence = GateEvidence(Benchmark(**BENCHMARK), [BrandShift("Acme", 200, 0.3, 1e-9)])
    verdict = run_gate(path, path, CONFIG, VERSIONS, evidence)
    assert verdict.verdict == "hold" and "30% of the labels of brand 'Acme' moved" in verdict.reasons[0]


def test_an_unsigned_package_is_rejected(tmp_path):
    path = predictions.write(tmp_path / "new", 1.5)
    evidence = GateEvidence(Benchmark(**BENCHMARK), signature_problem="the package is not signed")
    verdict = run_gate(path, path, CONFIG, VERSIONS, evidence)
    assert (verdict.verdict, verdict.reasons[0]) == ("reject", "the package is not signed")


def test_a_first_release_beats_naming_one_label(tmp_path):
    candidate = load_predictions(predictions.write(tmp_path / "new", 1.5))  # a quarter of each label
    assert not list(check_first_release(0.6, candidate, CONFIG))
    (finding,) = check_first_release(0.2, candidate, CONFIG)
    assert finding.verdict == "hold" and "naming one label always gives" in finding.reason


def test_the_worst_finding_decides():
    findings = [Finding("hold", "slow"), Finding("reject", "worse")]
    assert decide(findings, VERSIONS) == ("reject", ["worse", "slow"])


def test_a_verdict_comes_back_from_json(tmp_path):
    path = predictions.write(tmp_path / "new", 1.5)
    evidence = GateEvidence(Benchmark(**BENCHMARK), [BrandShift("Acme", 200, 0.3, 1e-9)])
    verdict = run_gate(path, path, CONFIG, VERSIONS, evidence)
    assert GateVerdict.from_json(verdict.to_json_text()) == verdict

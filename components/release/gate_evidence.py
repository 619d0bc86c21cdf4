"""What the gate knows of two packages besides their predictions: their benchmark, and brands whose labels moved."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from components.package_signature import signature_problem
from components.release.gate_verdict import Benchmark, BrandShift, StudentChoice
from components.release.label_shift import brands_with_label_shift


@dataclass(frozen=True)
class GateEvidence:
    """What else the gate decides by."""

    benchmark: Benchmark | None = None
    brands_with_label_shift: Sequence[BrandShift] = ()
    choice: StudentChoice | None = None  # of the night's two students
    signature_problem: str = ""  # of the candidate's package


def read_evidence(
    benchmark: str | Path, candidate_package: str | Path, baseline_package: str | Path, choice: str | Path
) -> GateEvidence:
    """Read benchmark and choice of a student, and compare the packages' labels by brand."""
    values = json.loads(Path(benchmark).read_text())
    result = Benchmark(
        latency_ratio=values["latency_ratio"],
        golden_pairs=values["checked_pairs"],
        golden_right_candidate=values["checked_right_candidate"],
        golden_right_baseline=values["checked_right_baseline"],
        cpu_ms_candidate=values["cpu_ms_candidate"],
        cpu_ms_baseline=values["cpu_ms_baseline"],
        golden_regressions=values["checked_lost"],
        golden_answers=values["checked_answers"],
    )
    return GateEvidence(
        result,
        brands_with_label_shift(Path(candidate_package), Path(baseline_package)),
        StudentChoice.from_json(json.loads(Path(choice).read_text())),
        signature_problem(candidate_package),
    )

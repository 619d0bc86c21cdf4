"""The gate's verdict, with all that it was decided by."""

import json
from dataclasses import asdict, dataclass, field


@dataclass(frozen=True)
class Difference:
    """Candidate minus baseline, with its interval."""

    difference: float
    low: float
    high: float


@dataclass(frozen=True)
class SliceDifference:
    """Both models' accuracy on a slice, and the difference with its interval."""

    slice: str  # the column
    value: str
    rows: int
    candidate: float
    baseline: float
    difference: float
    low: float
    high: float


@dataclass(frozen=True)
class BrandShift:
    """A brand whose labels moved."""

    brand: str
    pairs: int  # of the newer package
    moved_share: float  # of its labels
    p_value: float


@dataclass(frozen=True)
class Benchmark:
    """Two packages given the same requests: their CPU time and golden pairs."""

    latency_ratio: float  # candidate's CPU time over the baseline's
    golden_pairs: int
    golden_right_candidate: int
    golden_right_baseline: int
    cpu_ms_candidate: float = 0.0
    cpu_ms_baseline: float = 0.0
    golden_regressions: list[str] = field(default_factory=list)  # right by the baseline alone
    golden_answers: list[dict] = field(default_factory=list)  # the candidate's, for the dark launch to compare with


@dataclass(frozen=True)
class StudentChoice:
    """Which of a night's two students, LRKD or plain, is the candidate, and why."""

    student: str
    sentence: str
    metrics: dict[str, dict[str, float]]  # by student, then by name
    differences: dict[str, Difference] = field(default_factory=dict)  # LRKD minus plain; none without LRKD

    def to_json(self) -> dict:
        """Return the choice as a JSON object."""
        return asdict(self)

    def to_json_text(self) -> str:
        """Return the choice as JSON text."""
        return json.dumps(self.to_json())

    @classmethod
    def from_json(cls, values: dict) -> "StudentChoice":
        """Read a choice from its JSON object."""
        differences = {name: Difference(**gap) for name, gap in values["differences"].items()}
        return cls(**values | {"differences": differences})


@dataclass(frozen=True)
class GateVerdict:
    """Release, hold or reject, with reasons and all that was compared."""

    verdict: str
    reasons: list[str]
    candidate_version: str
    serving_version: str
    rows: int
    queries: int
    metrics: dict[str, dict[str, float]]  # of "candidate" and "baseline", by name
    differences: dict[str, Difference] = field(default_factory=dict)
    slices: list[SliceDifference] = field(default_factory=list)
    benchmark: Benchmark | None = None
    brands_with_label_shift: list[BrandShift] = field(default_factory=list)
    choice: StudentChoice | None = None
    confusion: dict[str, list[list[int]]] = field(default_factory=dict)  # of "candidate" and "baseline"
    labels: list[str] = field(default_factory=list)

    def to_json(self) -> dict:
        """Return the verdict as a JSON object."""
        return asdict(self)

    def to_json_text(self) -> str:
        """Return the verdict as JSON text."""
        return json.dumps(self.to_json())

    @classmethod
    def from_json(cls, text: str) -> "GateVerdict":
        """Read a verdict that was written as JSON text."""
        values = json.loads(text)
        values["differences"] = {name: Difference(**gap) for name, gap in values["differences"].items()}
        values["slices"] = [SliceDifference(**part) for part in values["slices"]]
        values["benchmark"] = Benchmark(**values["benchmark"]) if values["benchmark"] else None
        values["brands_with_label_shift"] = [BrandShift(**shift) for shift in values["brands_with_label_shift"]]
        values["choice"] = StudentChoice.from_json(values["choice"]) if values.get("choice") else None
        return cls(**values)

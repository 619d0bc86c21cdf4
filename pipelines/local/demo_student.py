"""The demo's student: the laptop's architecture on little data, without a teacher.

`python -m pipelines.local.demo_student JUDGEMENTS PACKAGE` trains and packages it.
"""

import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from components import contracts
from components.cross_features import DEFAULTS
from components.judgements.prepare import prepare
from components.packaging.package import make_package
from components.step_result import StepResult
from components.student.train import train
from pipelines.profiles import laptop


def train_demo_student(judgements: Path, work: Path, package: Path) -> StepResult:
    """Train a student on judgements alone, and write its package."""
    config = replace(laptop().student, align_weight=0.0, epochs=1, max_length=48)
    training_set = work / "training_set.parquet"
    embeddings = work / "embeddings.parquet"
    write_training_set(judgements, work, training_set)
    contracts.write([], contracts.RATIONALE_EMBEDDINGS, embeddings)
    train(training_set, embeddings, config, work / "student")
    return make_package(work / "student", embeddings, training_set, package)


def write_training_set(judgements: Path, work: Path, out: Path) -> int:
    """Write TRAINING_SET of a judgements file, with the store's numbers at their defaults."""
    prepare(judgements, {}, laptop().prepare, (work / "judgements", work / "items", work / "quarantined"))
    rows = (row | DEFAULTS for row in contracts.read_batches(contracts.JUDGEMENTS, work / "judgements"))
    return contracts.write_batches(rows, contracts.TRAINING_SET, out)


def main(judgements: str, package: str) -> None:
    """Train, package, and print one line about the result."""
    with tempfile.TemporaryDirectory() as work:
        result = train_demo_student(Path(judgements), Path(work), Path(package))
    print(f"macro-F1 {result.details['macro_f1']:.3f} on queries that it did not see", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])

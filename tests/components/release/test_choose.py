"""Which of a night's two students is the candidate: the better one on the same rows, whatever the teacher was."""

import json
from pathlib import Path

import pytest
from kfp import dsl

from components import package_manifest
from components.absence import leave_out
from components.release import component
from components.release.choose import ScoredStudent, choose_student
from components.release.gate import GateConfig
from components.release.gate_verdict import StudentChoice
from tests.components.release import predictions

CONFIG = GateConfig(bootstrap_samples=100)


@pytest.fixture
def student(tmp_path):
    """Write a student's package and predictions: the sharper, the more often right."""

    def write(name: str, sharpness: float, **changes) -> ScoredStudent:
        package = tmp_path / name
        (package / "encoder").mkdir(parents=True)
        (package / "config.json").write_text(json.dumps({"name": name}))
        (package / "encoder" / "config.json").write_text("{}")
        package_manifest.write(package)
        scored = predictions.write(tmp_path / f"{name}-predictions", sharpness, seed=len(name), **changes)
        return ScoredStudent(str(package), str(scored))

    return write


@pytest.fixture
def choose(tmp_path):
    """Choose between two students, and return the choice and the predictions that go on."""

    def run(lrkd: ScoredStudent, plain: ScoredStudent, refusal: str = "", config: GateConfig = CONFIG):
        choice = choose_student(lrkd, plain, refusal, config, str(tmp_path / "scored"))
        return choice, (tmp_path / "scored").read_bytes()

    return run


def test_the_better_student_is_the_candidate(student, choose):
    choice, _ = choose(student("lrkd", 1.5), student("plain", 1.0))
    assert choice.student == "LRKD"
    gain = choice.differences["macro_f1"]
    measured = choice.metrics["LRKD"]["macro_f1"] - choice.metrics["plain"]["macro_f1"]
    assert gain.difference == pytest.approx(measured) and gain.low > 0
    assert choice.sentence.endswith("on the same 960 pairs, more than 0: it is the candidate")


def test_a_better_plain_student_is_not_thrown_away(student, choose):
    choice, scored = choose(student("lrkd", 1.0), plain := student("plain", 1.5))
    assert choice.student == "plain" and scored == Path(plain.predictions).read_bytes()
    assert "no more than 0: the plain student is the candidate" in choice.sentence


def test_equal_students_leave_the_plain_one(student, choose):
    lrkd = student("lrkd", 1.5)
    choice, _ = choose(lrkd, ScoredStudent(student("plain", 1.5).package, lrkd.predictions))
    assert choice.differences["macro_f1"].difference == 0 and choice.student == "plain"


def test_the_gain_that_counts_is_stated_beforehand(student, choose):
    choice, _ = choose(student("lrkd", 1.5), student("plain", 1.0), config=GateConfig(lrkd_gain=0.5))
    assert choice.student == "plain" and "no more than 0.5" in choice.sentence


def test_without_a_teacher_the_night_goes_on(student, choose, tmp_path):
    leave_out(tmp_path / "none", "there is no rationale to learn from")
    absent = ScoredStudent(str(tmp_path / "none"), str(tmp_path / "nothing"))
    choice, _ = choose(absent, student("plain", 1.5), "the teacher does not qualify: it is poor")
    assert choice.student == "plain" and choice.metrics.keys() == {"plain"} and not choice.differences
    assert choice.sentence == "The plain student is the candidate, because the teacher does not qualify: it is poor"
    choice, _ = choose(absent, student("plain2", 1.5))
    assert choice.sentence == "The plain student is the candidate, because there is no rationale to learn from"


def test_students_of_different_rows_are_not_compared(student, choose):
    with pytest.raises(ValueError, match="candidate and baseline scored different rows"):
        choose(student("lrkd", 1.5, queries=3), student("plain", 1.5))


@pytest.mark.parametrize("lrkd_sharpness, chosen", [(1.0, "plain"), (2.0, "LRKD")])
def test_the_step_names_the_student_and_copies_none(student, tmp_path, lrkd_sharpness, chosen):
    students = {"LRKD": student("lrkd", lrkd_sharpness), "plain": student("plain", 1.5)}
    inputs = [dsl.Model(uri=scored.package) for scored in students.values()]
    inputs += [dsl.Dataset(uri=scored.predictions) for scored in students.values()]
    names = {"predictions": dsl.Dataset, "choice": dsl.Artifact, "facts": dsl.Metrics}
    outputs = [kind(uri=str(tmp_path / name)) for name, kind in names.items()]
    version = component.choose_student.python_func(*inputs, "", CONFIG.to_json(), *outputs, str(tmp_path / "student"))
    assert (tmp_path / "student").read_text() == chosen
    assert (tmp_path / "predictions").read_bytes() == Path(students[chosen].predictions).read_bytes()
    facts = json.loads((tmp_path / "facts").read_text())
    assert version == facts["version"] == package_manifest.version(students[chosen].package)
    assert facts["rows_in"] == facts["rows_out"] == 960 and facts["headline"] == facts["sentence"]
    assert StudentChoice.from_json(json.loads((tmp_path / "choice").read_text())).student == chosen

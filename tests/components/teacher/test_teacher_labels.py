"""A teacher's labels of unjudged pairs: what most answers end in, and only where it beats both students."""

import json

import pytest
from kfp import dsl

from components import contracts
from components.contracts import LABELS
from components.metrics import BootstrapConfig
from components.teacher import component
from components.teacher.config import QualificationConfig, TeacherLabelsConfig
from components.teacher.label_qualification import qualify_labels
from components.teacher.labeller import LabellerAnswer
from components.teacher.teacher_labels import plan_labels
from components.teacher.votes import read_votes
from testing.rows import rationale
from testing.servers import environment

VIEWS = ("user_intent", "attributes", "business_rules")
FEW = BootstrapConfig(samples=200)
BOUNDS = QualificationConfig()
LOCAL = TeacherLabelsConfig(teacher="local", weight=0.5)
PREDICTION = {**dict.fromkeys(contracts.PREDICTIONS.names, ""), "probabilities": [1.0, 0.0, 0.0, 0.0], "score": 0.5}


def write_answers(folder, pairs: dict) -> list:
    """Write a rationale for each answer, by (query, item, judged label), and a quarantined row for a None."""
    rationales = []
    quarantine = []
    for (query, item, judged), labels in pairs.items():
        names = {"query_id": query, "item_id": item, "label": judged}
        for view, label in zip(VIEWS, labels, strict=False):
            if label is None:
                empty = dict.fromkeys(contracts.QUARANTINE.names, "") | {"sample": 0}
                quarantine.append(empty | names | {"perspective": view})
            else:
                rationales.append(rationale(**names, perspective=view, predicted_label=label))
    contracts.write(rationales, contracts.RATIONALES, folder / "rationales")
    contracts.write(quarantine, contracts.QUARANTINE, folder / "quarantine")
    return [dsl.Dataset(uri=str(folder / name)) for name in ("rationales", "quarantine")]


@pytest.mark.parametrize(
    ("labels", "label", "confidence"),
    [
        (["Exact", "Exact", "Exact"], "Exact", 1.0),
        (["Exact", "Irrelevant", "Exact"], "Exact", 2 / 3),
        (["Exact", None, "Exact"], "Exact", 2 / 3),  # a broken answer is no vote
        (["Exact", "Irrelevant", "Substitute"], None, 0.0),
        (["Exact", None, None], None, 0.0),
        (["Exact"], None, 0.0),  # never after one rationale
        ([None, None, None], None, 0.0),
    ],
)
def test_a_label_needs_a_clear_majority(labels, label, confidence, tmp_path):
    write_answers(tmp_path, {("q", "i", None): labels})
    (votes,) = read_votes(tmp_path / "rationales", tmp_path / "quarantine")
    assert (votes.label, votes.confidence, votes.answers) == (label, pytest.approx(confidence), len(labels))


def held_out(right: int) -> dict:
    """Return a pair for each of 40 queries, of which the teacher is right on the first."""
    pairs = {}
    for number in range(40):
        label = LABELS[number % 2]
        pairs[f"q{number}", "i", label] = [label if number < right else "Complement"] * 3
    return pairs


def run_qualification(folder, right: int, plan: str = "", always: str = "Exact") -> tuple[str, dict]:
    tables = write_answers(folder, {} if plan else held_out(right))
    for name in ("plain", "serving"):
        rows = [
            PREDICTION | {"query_id": f"q{number}", "item_id": "i", "predicted_label": always} for number in range(40)
        ]
        contracts.write(rows, contracts.PREDICTIONS, folder / name)
        tables.append(dsl.Dataset(uri=str(folder / name)))
    (folder / "plan").write_text(plan)
    plan_artifact, facts = dsl.Artifact(uri=str(folder / "plan")), dsl.Metrics(uri=str(folder / "facts"))
    configs = BOUNDS.to_json(), FEW.to_json()
    refusal = component.qualify_labels.python_func(*tables, plan_artifact, *configs, facts)
    return refusal, json.loads((folder / "facts").read_text())


def test_labels_qualify_above_both_students(tmp_path):
    refusal, facts = run_qualification(tmp_path, 38)
    assert refusal == facts["refusal"] == ""
    assert facts["headline"].startswith("its labels qualify: right on 95% of 40 held-out pairs, +45.0 points")
    assert facts["headline"].count("over ") == 2 and facts["accuracy"]["estimate"] == 0.95


def test_labels_no_better_than_a_student_are_refused(tmp_path):
    refusal, facts = run_qualification(tmp_path, 20)
    assert refusal == "no unjudged pair gets a label"  # without figures: another night's is the same
    assert facts["headline"].startswith(f"{refusal}: those of the teacher have +0.0 points of accuracy")
    assert "over tonight's plain student, on 40 held-out pairs" in facts["headline"] == facts["refusal"]


def test_each_student_alone_can_refuse():
    answers = {("q" + str(n), "i"): LabellerAnswer("Exact", "Exact", 1.0) for n in range(30)}
    good = dict.fromkeys(answers, "Exact")
    poor = dict.fromkeys(answers, "Irrelevant")
    assert "over B" in qualify_labels(answers, {"A": poor, "B": good}, BOUNDS, FEW).refusal
    assert "over A" in qualify_labels(answers, {"A": good, "B": poor}, BOUNDS, FEW).refusal
    assert not qualify_labels(answers, {"A": poor, "B": poor}, BOUNDS, FEW).refusal


def test_only_clear_labels_are_compared():
    answers = {("q" + str(n), "i"): LabellerAnswer("Exact", "Exact" if n < 30 else None, 1.0) for n in range(40)}
    result = qualify_labels(answers, {"A": dict.fromkeys(answers, "Irrelevant")}, BOUNDS, FEW)
    assert (result.pairs, result.labelled_pairs, result.accuracy.estimate, result.refusal) == (40, 30, 1.0, "")
    nobody = dict.fromkeys(answers, LabellerAnswer("Exact", None, 0.0))
    assert qualify_labels(nobody, {}, BOUNDS, FEW).refusal.endswith("gave none to any of 40 held-out pairs")


def test_what_was_refused_before_is_passed_on(tmp_path):
    refusal, facts = run_qualification(tmp_path, 0, plan="teacher_labels is off")
    assert (refusal, facts["headline"]) == ("teacher_labels is off", "none: teacher_labels is off")


def run_labelling(folder, refusal: str, pairs: dict) -> tuple[list[dict], dict]:
    tables = write_answers(folder, pairs)
    (folder / "permit").write_text(refusal)
    (folder / "asked").write_text(json.dumps({"model": "tiny"}))
    inputs = [*tables, dsl.Metrics(uri=str(folder / "asked")), dsl.Artifact(uri=str(folder / "permit"))]
    labels, facts = dsl.Dataset(uri=str(folder / "labels")), dsl.Metrics(uri=str(folder / "facts"))
    component.label_unjudged.python_func(*inputs, LOCAL.to_json(), labels, facts)
    return contracts.read(contracts.TEACHER_LABELS, labels.path), json.loads((folder / "facts").read_text())


UNJUDGED_ANSWERS = {
    ("q1", "i1", None): ["Exact", "Exact", "Exact"],
    ("q1", "i2", None): ["Irrelevant", "Substitute", "Irrelevant"],
    ("q1", "i3", None): ["Irrelevant", "Substitute", "Exact"],
}


def test_a_label_weighs_by_its_confidence(tmp_path):
    rows, facts = run_labelling(tmp_path, "", UNJUDGED_ANSWERS)
    assert [(row["item_id"], row["label"]) for row in rows] == [("i1", "Exact"), ("i2", "Irrelevant")]
    assert [row["weight"] for row in rows] == pytest.approx([0.5, 1 / 3])
    assert (facts["rows_in"], facts["rows_out"], facts["quarantined"]) == (3, 2, 1)
    assert facts["headline"] == "2 of 3 pairs by the tuned teacher (tiny), mean confidence 0.83"


def test_a_refused_teacher_labels_nothing(tmp_path):
    rows, facts = run_labelling(tmp_path, "no unjudged pair gets a label: it is poor", {})
    assert rows == [] and facts["absent"] == "no unjudged pair gets a label: it is poor"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"teacher": "oracle"}, "teacher is 'oracle': it is one of off, local, endpoint"),
        ({"teacher": "local", "weight": 2}, "weight is 2: give a number above 0, at most 1"),
        ({"teacher": "local", "pairs": 0}, "pairs is 0: give a whole number from 1"),
        ({"teacher": "endpoint"}, "set BROADFAST_LLM_ENDPOINT"),
    ],
)
def test_a_wrong_configuration_is_refused(change, sentence, tmp_path):
    row = dict.fromkeys(contracts.UNJUDGED.names, "x") | {"shown": 1}
    contracts.write([row], contracts.UNJUDGED, tmp_path / "unjudged")
    with environment(BROADFAST_LLM_ENDPOINT=""), pytest.raises(ValueError, match=sentence):
        plan_labels(tmp_path / "unjudged", TeacherLabelsConfig(**change))


def test_nobody_is_asked_without_pairs_or_leave(tmp_path):
    contracts.write([], contracts.UNJUDGED, tmp_path / "none")
    assert plan_labels(tmp_path / "none", TeacherLabelsConfig()) == "teacher_labels is off"
    permit, facts = dsl.Artifact(uri=str(tmp_path / "permit")), dsl.Metrics(uri=str(tmp_path / "facts"))
    component.plan_labels.python_func(dsl.Dataset(uri=str(tmp_path / "none")), LOCAL.to_json(), permit, facts)
    assert (tmp_path / "permit").read_text() == "there is no unjudged pair"

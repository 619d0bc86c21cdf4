"""Labels from clicks train only where they beat both students, and never stand above a person's."""

import json
from types import SimpleNamespace

import pytest
from kfp import dsl

from components import contracts
from components.contracts import LABELS
from components.metrics import BootstrapConfig
from components.release.training_run import read_clicks
from components.teacher import click_component
from components.teacher.config import QualificationConfig

PREDICTION = {**dict.fromkeys(contracts.PREDICTIONS.names, ""), "probabilities": [1.0, 0.0, 0.0, 0.0], "score": 0.5}
CONFIGS = QualificationConfig().to_json(), BootstrapConfig(samples=200).to_json()
PAIR = {"query": "boot", "locale": "us", "title": "Boot"}


def clicked(query: str, item: str, **fields) -> dict:
    """Return a CLICK_LABELS row, by default of an unjudged pair that is surely Exact."""
    row = dict.fromkeys(contracts.CLICK_LABELS.names) | PAIR | {"query_id": query, "item_id": item}
    verdict = {"source": "clicks-position", "label": "Exact", "confidence": 0.9, "weight": 0.8}
    return row | verdict | {"impressions": 40, "clicks": 9} | fields


def held_out(right: int) -> list[dict]:
    """Return a judged pair for each of 40 valid queries, of which clicks are right on the first."""
    rows = []
    for number in range(40):
        judged = LABELS[number % 2]
        label = judged if number < right else "Complement"
        rows.append(clicked(f"q{number}", "i", split="valid", judged_label=judged, label=label))
    return rows


UNJUDGED = [
    clicked("t1", "i1", split="train"),
    clicked("new", "i2"),
    clicked("new", "i3", label="Irrelevant", confidence=0.8, weight=0.6),
    clicked("new", "i4", label=None, confidence=0.5, weight=0.2),
    clicked("t1", "i5", split="train", judged_label="Substitute"),  # people's label counts
]
TEACHERS = [("new", "i2", "Substitute", 0.9), ("new", "i3", "Irrelevant", 0.3), ("t9", "i9", "Exact", 1.0)]


@pytest.fixture
def run(tmp_path):
    """Return a function that runs the step, and returns its facts, pairs and labels."""
    names = [{"query_id": query, "item_id": item} for query, item, *_ in TEACHERS]
    pairs = [dict.fromkeys(contracts.UNJUDGED.names) | PAIR | name | {"source": "file"} for name in names]
    labels = [
        name | {"label": label, "confidence": 1.0, "weight": weight, "answers": 3, "teacher": "digest"}
        for name, (_, _, label, weight) in zip(names, TEACHERS, strict=True)
    ]
    scores = [PREDICTION | {"query_id": f"q{n}", "item_id": "i", "predicted_label": "Exact"} for n in range(40)]
    rows = {"plain": scores, "serving": scores, "unjudged": pairs, "labels": labels}
    schemas = {"plain": contracts.PREDICTIONS, "serving": contracts.PREDICTIONS, "unjudged": contracts.UNJUDGED}
    for name, table in rows.items():
        contracts.write(table, schemas.get(name, contracts.TEACHER_LABELS), tmp_path / name)

    def run_step(clicks: list[dict]) -> tuple[SimpleNamespace, dict, dict]:
        contracts.write(clicks, contracts.CLICK_LABELS, tmp_path / "clicks")
        tables = {name: dsl.Dataset(uri=str(tmp_path / name)) for name in ("clicks", *rows)}
        facts = [dsl.Metrics(uri=str(tmp_path / name)) for name in ("qualified", "added")]
        students = (tables["plain"], tables["serving"])
        refusal = click_component.qualify_clicks.python_func(tables["clicks"], *students, *CONFIGS, facts[0])
        inputs = [tables[name] for name in ("clicks", "unjudged", "labels")]
        out = [dsl.Dataset(uri=str(tmp_path / name)) for name in ("pairs", "all")]
        click_component.add_click_labels.python_func(*inputs, refusal, *out, facts[1])
        tables = [
            contracts.read(contracts.UNJUDGED, out[0].path),
            contracts.read(contracts.TEACHER_LABELS, out[1].path),
        ]
        by_pair = [{(row["query_id"], row["item_id"]): row for row in table} for table in tables]
        results = [json.loads((tmp_path / name).read_text()) for name in ("qualified", "added")]
        return SimpleNamespace(qualified=results[0], added=results[1], refusal=refusal), *by_pair

    return run_step


def test_qualified_clicks_stand_beside_a_teacher(run):
    facts, pairs, labels = run(held_out(38) + UNJUDGED)
    assert {pair: (row["label"], row["teacher"]) for pair, row in labels.items()} == {
        ("t1", "i1"): ("Exact", "clicks-position"),
        ("new", "i2"): ("Substitute", "digest"),  # the teacher's weighs more
        ("new", "i3"): ("Irrelevant", "clicks-position"),  # the clicks' does
        ("t9", "i9"): ("Exact", "digest"),
    }
    assert (labels["t1", "i1"]["weight"], labels["t1", "i1"]["answers"]) == (pytest.approx(0.8), 40)
    assert {pair: row["source"] for pair, row in pairs.items()} == {
        ("t1", "i1"): "clicks",
        ("new", "i2"): "file",
        ("new", "i3"): "file",
        ("t9", "i9"): "file",
    }
    assert facts.added["headline"] == "3 pairs of 2 queries, mean weight 0.73"
    verdict = "labels from clicks qualify: right on 95% of 40 held-out pairs, +45.0 points"
    assert facts.qualified["headline"].startswith(verdict) and facts.refusal == ""


def test_the_counts_of_clicks_add_up(run, tmp_path):
    results, *_ = run(held_out(38) + UNJUDGED)
    facts = results.added
    assert (facts["rows_in"], facts["rows_out"], facts["quarantined"]) == (45, 3, 42)
    assert facts["set_aside_why"] == {"judged by people": 41, "without a clear label": 1}
    assert (facts["of_train_queries"], facts["of_unjudged_queries"], facts["queries"]) == (1, 2, 2)
    agreement = {"valid": {"pairs": 40, "same": 38}, "train": {"pairs": 1, "same": 0}}
    assert results.qualified["agreement_with_people"] == agreement
    assert facts["beside_a_teacher"] == {"pairs": 2, "same": 1, "by_teacher": 1}
    night = read_clicks(tmp_path / "qualified", tmp_path / "added")
    assert (night["used"], night["agreement_with_people"], night["refusal"]) == (3, agreement, "")


def test_clicks_no_better_than_a_student_are_refused(run):
    facts, pairs, labels = run(held_out(20) + UNJUDGED)
    refusal = "no unjudged pair gets a label"  # without figures: another night's is the same
    assert facts.refusal == facts.added["refusal"] == refusal and facts.added["headline"] == f"none: {refusal}"
    assert facts.qualified["headline"].startswith(f"{refusal}: those of clicks have +0.0 points of accuracy")
    assert (facts.added["used"], facts.added["set_aside_why"]["refused"], facts.added["rows_out"]) == (0, 3, 0)
    assert len(pairs) == len(labels) == 3 and {row["teacher"] for row in labels.values()} == {"digest"}


def test_few_held_out_pairs_qualify_no_clicks(run):
    facts, _, labels = run(held_out(40)[:10] + UNJUDGED)
    assert "on 10 held-out pairs, of which 20 are needed" in facts.qualified["refusal"] and len(labels) == 3


def test_without_clicks_the_tables_stay(run, tmp_path):
    facts, pairs, labels = run([])
    assert facts.added["absent"] == facts.refusal == "no judgement from clicks can be used, or click_judgements is off"
    assert (len(pairs), len(labels)) == (3, 3) and read_clicks(tmp_path / "qualified", tmp_path / "added") == {}

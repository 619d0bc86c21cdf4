"""The commands for few labels: intervals from files, a gate, and a plan."""

import json

import pytest

from components.judgements import few_labels, label_plan
from components.judgements.few_labels import Prediction, query_figures

ITEMS = 4


@pytest.fixture
def files(tmp_path):
    """Ten queries judged by people, forty by a teacher who is right but for Irrelevant items of every fifth query."""
    labels = ["Exact", "Substitute", "Irrelevant", "Exact"]
    human = []
    teacher = []
    predictions = []
    for query in range(40):
        for item in range(ITEMS):
            row = {"query_id": f"q{query}", "query": f"shoe {query}", "item_id": f"i{item}"}
            label = labels[(item + query // 3) % ITEMS]
            human += [row | {"label": label}] * (query < 10)
            teacher.append(row | {"label": "Exact" if label == "Irrelevant" and query % 5 == 0 else label})
            predictions.append(row | {"score": str(-item), "label": "Exact" if item < 2 else "Irrelevant"})
    paths = []
    for name, rows in (("human", human), ("teacher", teacher), ("predictions", predictions)):
        paths.append(tmp_path / f"{name}.jsonl")
        paths[-1].write_text("".join(json.dumps(row) + "\n" for row in rows))
    return [str(path) for path in paths]


def test_measures_come_with_both_intervals(files, capsys):
    assert few_labels.main([*files, "--k", "3"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result.keys() == {"ndcg", "precision", "macro_f1"}
    for figures in result.values():
        assert (figures["human_queries"], figures["teacher_queries"]) == (10, 30)
        assert figures["low"] < figures["estimate"] < figures["high"]
        assert figures["low_without_teacher"] < figures["high_without_teacher"]
    assert result["ndcg"]["correlation"] > 0.8


def test_a_missed_bound_is_exit_two(files, capsys):
    assert few_labels.main([*files, "--k", "3", "--at-least", "ndcg=0.1"]) == 0
    assert few_labels.main([*files, "--k", "3", "--at-least", "ndcg=0.1,precision=0.99"]) == 2
    assert few_labels.main([*files, "--at-least", "mrr=0.1"]) == 1
    assert "--at-least: 'mrr=0.1'; write NAME=NUMBER" in capsys.readouterr().err


def test_a_query_needs_its_first_items_judged():
    ranking = [Prediction("a", 3, "Exact"), Prediction("b", 2, ""), Prediction("c", 1, "")]
    whole = query_figures(ranking, {"a": "Exact", "b": "Irrelevant"}, 2)
    assert whole["ndcg"] == [1.0] and whole["precision"] == [0.5] and whole["macro_f1"].sum() == 1
    assert query_figures(ranking, {"a": "Exact"}, 2).keys() == {"macro_f1"}
    assert query_figures(ranking, {}, 2) is None


def test_a_foreign_label_is_named(files, tmp_path, capsys):
    (tmp_path / "human.jsonl").write_text('{"query_id": "q1", "query": "a", "item_id": "i1", "label": "3"}\n')
    assert few_labels.main(files) == 1
    assert "human.jsonl, line 1: '3' is no label; name the scale with --labels" in capsys.readouterr().err


def test_a_plan_says_how_many_labels(capsys):
    arguments = ["--effect", "0.05", "--deviation", "0.25", "--correlation", "0.8"]
    assert label_plan.main(arguments) == 0
    plan = json.loads(capsys.readouterr().out)
    assert plan["human_queries_without_teacher"] == 197  # (2.8016 x 0.25 / 0.05) squared
    assert plan["human_queries"] < 0.5 * 197 and plan["human_labels"] == 10 * plan["human_queries"]
    assert label_plan.main([*arguments, "--correlation", "0"]) == 0
    assert json.loads(capsys.readouterr().out)["fewer_percent"] == 0


@pytest.mark.parametrize(
    ("option", "value", "error"),
    [("--effect", "0", "--effect is 0: give a number above 0"), ("--power", "2", "between 0 and 1")],
)
def test_a_plan_refuses_what_makes_no_sense(capsys, option, value, error):
    with pytest.raises(SystemExit):
        label_plan.main(["--effect", "0.1", option, value])
    assert error in capsys.readouterr().err

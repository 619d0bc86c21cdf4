"""A ranking is worth what a reader computes by hand."""

import json
import math

import pytest

from components.judgements.evaluate import main
from components.ranking_metrics import average_precision, ndcg_at, precision_at, reciprocal_rank, score_run


def test_measures_are_those_computed_by_hand():
    ideal = 3 + 2 / math.log2(3) + 1 / 2
    assert ndcg_at([0, 3, 1], [3, 1, 2, 0], 3) == pytest.approx((3 / math.log2(3) + 1 / 2) / ideal)
    assert average_precision([True, False, True], 3) == pytest.approx((1 + 2 / 3) / 3)
    assert reciprocal_rank([False, True]) == 0.5 and reciprocal_rank([False]) == 0
    assert precision_at([True, False, True], 10) == pytest.approx(0.2)
    assert ndcg_at([0.0], [0.0], 3) == 0 and average_precision([False], 0) == 0


def test_a_query_without_a_ranking_scores_nothing():
    scores = score_run({"q1": ["a"]}, {"q1": {"a": 3}, "q2": {"a": 3}}, 10)
    assert (scores["q1"].ndcg, scores["q2"].ndcg) == (1, 0)


def test_a_run_is_measured_against_qrels(tmp_path, capsys):
    (tmp_path / "qrels").write_text("q1 0 i1 3\nq1 0 i2 0\nq2 0 i1 1\n")
    (tmp_path / "run").write_text("q1 Q0 i2 1 9 s\nq1 Q0 i1 2 8 s\nq1 Q0 i7 3 7 s\nq3 Q0 i1 1 1 s\n")
    assert main([str(tmp_path / "qrels"), str(tmp_path / "run"), "--k", "2"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["reciprocal_rank"] == 0.25 and result["precision"] == 0.25 and result["judged_share"] == 1
    assert (result["queries"], result["queries_without_ranking"], result["rankings_without_judgements"]) == (2, 1, 1)
    (tmp_path / "run").write_text("x Q0 i2 1 9 s\n")
    assert main([str(tmp_path / "qrels"), str(tmp_path / "run")]) == 1
    assert "no query is both judged and ranked" in capsys.readouterr().err

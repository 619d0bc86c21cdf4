"""Decisions: each word is reached from figures alone, and says why."""

from dataclasses import replace

import pytest

from components.experiment.plan import ExperimentPlan
from components.experiment.verdict import decide, guardrails, judge

PLAN = ExperimentPlan(
    shares=(0.0, 0.5),
    ramp_users=100,
    ramp_seconds=60,
    minimum_users=100,
    dwell_seconds=60,
    maximum_looks=3,
    horizon_users=10_000,
    minimum_requests=100,
)
VERSIONS = {"control": "v1", "treatment": "v2"}


def interval(low, high):
    return {"estimate": (low + high) / 2, "low": low, "high": high, "half_width": (high - low) / 2}


def figures(**changed):
    good = {"share": 0.5, "stage": 1, "elapsed_s": 100.0, "looks": 1, "users": {"control": 500, "treatment": 500}}
    good |= {"rpm_lift": interval(-0.1, 0.1), "srm_p_value": 0.5, "disagreements": 0, "guardrails": {"breaches": []}}
    return good | {"crossover": {"control": 0.0, "treatment": 0.001}, "paused": False} | changed


@pytest.mark.parametrize(
    ("word", "changed"),
    [
        ("continue", {}),
        ("promote", {"rpm_lift": interval(0.001, 0.1)}),
        ("continue", {"rpm_lift": interval(0.0, 0.1)}),
        ("roll back", {"rpm_lift": interval(-0.1, -0.001)}),
        ("inconclusive", {"looks": 3}),
        ("promote", {"looks": 3, "rpm_lift": interval(0.001, 0.1)}),
        ("inconclusive", {"users": {"control": 5000, "treatment": 5000}}),
        ("inconclusive", {"srm_p_value": 0.0001}),
        ("inconclusive", {"disagreements": 1}),
        ("inconclusive", {"crossover": {"treatment": 0.006}, "rpm_lift": interval(0.1, 0.2)}),
        ("roll back", {"guardrails": {"breaches": ["errors"]}, "rpm_lift": interval(0.1, 0.2)}),
        ("continue", {"paused": True, "rpm_lift": interval(0.1, 0.2), "looks": 3, "srm_p_value": 0.0001}),
        ("continue", {"paused": True, "rpm_lift": interval(-0.2, -0.1)}),
        ("roll back", {"paused": True, "guardrails": {"breaches": ["errors"]}}),
        ("continue", {"share": 0.0, "stage": 0, "users": {"control": 100}, "paused": True}),
        ("continue", {"elapsed_s": 59.0, "rpm_lift": interval(0.1, 0.2)}),
        ("continue", {"users": {"control": 99, "treatment": 500}, "rpm_lift": interval(0.1, 0.2)}),
        ("continue", {"users": {}, "rpm_lift": None}),
        ("ramp", {"share": 0.0, "stage": 0, "users": {"control": 100}}),
        ("continue", {"share": 0.0, "stage": 0, "users": {"control": 99}}),
        ("continue", {"share": 0.0, "stage": 0, "users": {"control": 100}, "elapsed_s": 59.0}),
    ],
)
def test_figures_lead_to_one_word(word, changed):
    assert decide(figures(**changed), PLAN)[0] == word


def test_an_inconclusive_end_says_what_effect_could_have_been_seen():
    assert "a lift of 10.00% could have been told from none" in decide(figures(looks=3), PLAN)[1]


def test_harm_is_stopped_before_the_dwell_is_over():
    assert decide(figures(elapsed_s=1.0, rpm_lift=interval(-0.2, -0.1)), PLAN)[0] == "roll back"


def test_a_plan_with_a_small_share_between_ramps_on_without_an_answer():
    plan = replace(PLAN, shares=(0.0, 0.1, 0.5))
    assert decide(figures(share=0.1), plan) == ("ramp", "nothing is wrong at 10%: on to 50%")


@pytest.mark.parametrize(
    ("word", "changed"),
    [
        ("ramp", {"rpm_lift": interval(-0.2, -0.1)}),
        ("continue", {"users": {"control": 90, "treatment": 9}}),
        ("continue", {"elapsed_s": 59.0}),
        ("inconclusive", {"users": {"control": 90, "treatment": 9}, "looks": 3}),
        ("inconclusive", {"srm_p_value": 0.0001}),
        ("roll back", {"guardrails": {"breaches": ["errors"]}}),
    ],
)
def test_before_the_last_share_the_guardrails_speak_and_the_lift_does_not(word, changed):
    assert decide(figures(share=0.1, **changed), replace(PLAN, shares=(0.0, 0.1, 0.5)))[0] == word


def test_guardrails_name_each_limit_that_the_candidate_breaks():
    names = ("requests", "error_rate", "latency_p99_ms", "missing_features_rate", "null_result_rate")
    good, bad = (
        dict(zip(names, row, strict=True)) for row in ((100, 0.0, 10.0, 0.0, 0.0), (100, 0.02, 16.0, 0.1, 0.1))
    )
    assert len(guardrails({"v1": good, "v2": bad}, VERSIONS, PLAN)["breaches"]) == 4
    assert not guardrails({"v1": bad, "v2": good}, VERSIONS, PLAN)["breaches"]


def test_guardrails_say_nothing_on_a_handful_of_requests():
    bad = {"requests": 99, "error_rate": 1.0, "latency_p99_ms": 1e6, "missing_features_rate": 1.0}
    assert not guardrails({"v1": bad, "v2": bad}, VERSIONS, PLAN)["breaches"]


def test_where_no_experiment_runs_the_word_is_none(tmp_path):
    assert judge(tmp_path / "users.parquet", {"experiment_id": ""}, PLAN)["verdict"] == "none"

"""Decisions: each word is reached from figures alone, and says why."""

from dataclasses import replace

import pytest

from components.experiment.decision import decide
from components.experiment.figures import LookFigures
from components.experiment.guardrails import ArmSummary, Guardrails, check_requests, check_sales
from components.experiment.intervals import LiftInterval
from components.experiment.plan import ExperimentPlan
from components.experiment.records import RequestSummary
from components.experiment.verdict import evaluate_look

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


def interval(low, high, difference_type="relative"):
    return LiftInterval((low + high) / 2, low, high, 1.0, low, high, difference_type, control=50.0)


def figures(**changes):
    look = LookFigures(
        share=0.5,
        stage=1,
        elapsed_s=100.0,
        looks=1,
        users={"control": 500, "treatment": 500},
        rpm_lift=interval(-0.1, 0.1),
        srm_p_value=0.5,
        crossover={"control": 0.0, "treatment": 0.001},
    )
    return replace(look, **changes)


BREACH = Guardrails(breaches=("errors",))


@pytest.mark.parametrize(
    ("verdict", "changes"),
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
        ("roll back", {"guardrails": BREACH, "rpm_lift": interval(0.1, 0.2)}),
        ("continue", {"is_paused": True, "rpm_lift": interval(0.1, 0.2), "looks": 3, "srm_p_value": 0.0001}),
        ("continue", {"is_paused": True, "rpm_lift": interval(-0.2, -0.1)}),
        ("roll back", {"is_paused": True, "guardrails": BREACH}),
        ("continue", {"share": 0.0, "stage": 0, "users": {"control": 100}, "is_paused": True}),
        ("continue", {"elapsed_s": 59.0, "rpm_lift": interval(0.1, 0.2)}),
        ("continue", {"users": {"control": 99, "treatment": 500}, "rpm_lift": interval(0.1, 0.2)}),
        ("continue", {"users": {}, "rpm_lift": None}),
        ("ramp", {"share": 0.0, "stage": 0, "users": {"control": 100}}),
        ("continue", {"share": 0.0, "stage": 0, "users": {"control": 99}}),
        ("continue", {"share": 0.0, "stage": 0, "users": {"control": 100}, "elapsed_s": 59.0}),
    ],
)
def test_figures_lead_to_one_verdict(verdict, changes):
    assert decide(figures(**changes), PLAN)[0] == verdict


def test_an_inconclusive_end_says_what_was_detectable():
    sentence = "no answer after 3 looks and 1,000 users: lift +0.00%, interval -10.00% to +10.00%"
    assert decide(figures(looks=3), PLAN)[1] == f"{sentence}; only lifts above 10.00% could have been detected"


def test_one_look_is_not_looks():
    reason = decide(figures(looks=1), replace(PLAN, maximum_looks=1))[1]
    assert reason.startswith("no answer after 1 look and 1,000 users: ")


def test_harm_is_stopped_before_the_dwell_ends():
    assert decide(figures(elapsed_s=1.0, rpm_lift=interval(-0.2, -0.1)), PLAN)[0] == "roll back"


def test_a_small_share_ramps_on_without_an_answer():
    plan = replace(PLAN, shares=(0.0, 0.1, 0.5))
    assert decide(figures(share=0.1), plan) == ("ramp", "nothing is wrong at 10%: on to 50%")


@pytest.mark.parametrize(
    ("verdict", "changes"),
    [
        ("ramp", {"rpm_lift": interval(-0.2, -0.1)}),
        ("continue", {"users": {"control": 90, "treatment": 9}}),
        ("continue", {"elapsed_s": 59.0}),
        ("inconclusive", {"users": {"control": 90, "treatment": 9}, "looks": 3}),
        ("inconclusive", {"srm_p_value": 0.0001}),
        ("roll back", {"guardrails": BREACH}),
    ],
)
def test_before_the_last_share_only_guardrails_speak(verdict, changes):
    assert decide(figures(share=0.1, **changes), replace(PLAN, shares=(0.0, 0.1, 0.5)))[0] == verdict


def test_guardrails_name_each_limit_that_breaks():
    good = RequestSummary(100, 0.0, 10.0, 0.0, 0.0)
    bad = RequestSummary(100, 0.02, 16.0, 0.1, 0.1)
    assert len(check_requests({"v1": good, "v2": bad}, VERSIONS, PLAN).breaches) == 4
    assert not check_requests({"v1": bad, "v2": good}, VERSIONS, PLAN).breaches


def test_guardrails_need_enough_requests():
    bad = RequestSummary(99, 1.0, 1e6, 1.0, 0.0)
    assert not check_requests({"v1": bad, "v2": bad}, VERSIONS, PLAN).breaches


def arm(users, buyers):
    return ArmSummary(users, users, 0, buyers, 0, buyers, 0, 0.0, 0.0, 0.0, 0.0, buyers / users)


@pytest.mark.parametrize(
    ("users", "buyers", "is_breach"),
    [((1000, 1000), (200, 0), True), ((99_000, 1000), (9900, 2), True), ((1000, 1000), (200, 180), False)]
    + [((1000, 1000), (0, 200), False), ((50, 50), (3, 0), False), ((1000, 1000), (0, 0), False)]
    + [((272_155, 271_306), (14_994, 15_461), False), ((272_155, 271_306), (14_994, 5_461), True)],
)
def test_a_candidate_that_sells_nothing_is_a_breach(users, buyers, is_breach):
    arms = {"control": arm(users[0], buyers[0]), "treatment": arm(users[1], buyers[1])}
    assert bool(check_sales(arms, PLAN)) == is_breach


@pytest.mark.parametrize(("control_orders", "verdict"), [(0, "inconclusive"), (1, "promote")])
def test_a_control_without_orders_never_promotes(control_orders, verdict):
    arms = {"control": arm(500, control_orders), "treatment": arm(500, 20)}
    assert decide(figures(arms=arms, rpm_lift=interval(1.0, 3.0, "absolute")), PLAN)[0] == verdict


def test_an_absolute_difference_decides_near_zero():
    verdict, reason = decide(figures(rpm_lift=interval(1.0, 3.0, "absolute")), PLAN)
    assert verdict == "promote" and ": difference +2.000, interval +1.000 to +3.000 (absolute: " in reason
    plan = replace(PLAN, minimum_effect_rpm=0.03)  # of control's 50.0: 1.5
    assert decide(figures(rpm_lift=interval(1.0, 3.0, "absolute")), plan)[0] == "continue"


def test_without_an_experiment_the_verdict_is_none(tmp_path):
    assert evaluate_look(tmp_path, None, PLAN).verdict == "none"

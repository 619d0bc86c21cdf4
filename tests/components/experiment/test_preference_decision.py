"""What each preference makes of a release, and what it never does."""

from dataclasses import replace

import pytest

from components.experiment.confidence_sequence import MeanSums
from components.experiment.decision import decide
from components.experiment.figures import LookFigures
from components.experiment.guardrails import CHECKED, Guardrails
from components.experiment.plan import ExperimentPlan
from components.experiment.preference import judge_preference
from components.experiment.preference_plan import CREDITS, PreferencePlan
from tests.components.experiment.test_preference import EVEN, NOTHING, evidence

PLAN = ExperimentPlan(
    shares=(0.0, 0.1, 0.5),
    ramp_users=100,
    ramp_seconds=60,
    minimum_requests=100,
    interleaved_share=0.2,
    interleaved_minimum_users=500,
    interleaved_horizon_users=2_000,
    interleaved_seconds=3_600,
)
ON_PREFERENCE = replace(PLAN, promote_on_preference=True)
FOR_CANDIDATE = MeanSums(1000, 150, 400.0, 1.0)
FOR_STABLE = MeanSums(1000, -150, 400.0, 1.0)
FEW = {"all": 400, "with_pair": 400, "for_stable": 0, "for_candidate": 60}


def figures(**changes):
    look = LookFigures(0.0, 0, 100.0, 1, {"control": 500}, None, interleaved_share=0.2, was_interleaved=True)
    return replace(look, **{"guardrails": Guardrails(note=CHECKED)} | changes)


def look(votes=EVEN, plan=PLAN, elapsed_s=100.0, is_paused=False, **changes):
    preference = judge_preference(evidence(votes, **changes), PreferencePlan(horizon_users=1000))
    return decide(figures(elapsed_s=elapsed_s, is_paused=is_paused), plan, preference)


@pytest.mark.parametrize(
    ("votes", "plan", "word", "sentence"),
    [
        (FOR_CANDIDATE, PLAN, "ramp", "users prefer the candidate's items: vote +0.1500 "),
        (FOR_CANDIDATE, ON_PREFERENCE, "promote", "; promoted on preference, as the plan says: what the candidate "),
        (FOR_STABLE, PLAN, "roll back", "stable's items are preferred: vote -0.1500 "),
        (FOR_STABLE, ON_PREFERENCE, "roll back", "stable's items are preferred: vote -0.1500 "),
        (EVEN, ON_PREFERENCE, "continue", "which items users prefer is not told yet, after 1,000 users of 2,000: "),
    ],
)
def test_a_preference_leads_to_one_verdict(votes, plan, word, sentence):
    verdict, reason = look(votes, plan)
    assert verdict == word and sentence in reason


@pytest.mark.parametrize("elapsed_s", [100.0, 3_600.0])
def test_what_is_not_told_goes_to_the_test(elapsed_s):
    users = {"all": 2_000 if elapsed_s == 100 else 1_000, "with_pair": 1_000, "for_stable": 9, "for_candidate": 9}
    verdict, reason = look(plan=ON_PREFERENCE, elapsed_s=elapsed_s, users=users)
    assert verdict == "ramp" and reason.startswith("which items users prefer was not told by ")
    assert reason.endswith("; on to the A/B test at 10%")


def test_equal_pages_go_to_the_test():
    verdict, reason = look(NOTHING, ON_PREFERENCE, pages={"all": 1000, "with_pair": 3})
    assert verdict == "ramp" and reason.startswith("pages hardly differ: 3 of 1,000 pages")


def test_a_void_comparison_has_no_verdict():
    doubtful = replace(evidence().coins, stable_first=700)
    verdict, reason = look(FOR_CANDIDATE, ON_PREFERENCE, coins=doubtful)
    assert verdict == "ramp" and "interleaving has no verdict, for it is void: the coin is in doubt" in reason


def test_money_that_speaks_against_it_forbids_promotion():
    credits = dict.fromkeys(CREDITS, NOTHING) | {"orders": MeanSums(1000, -90, 100.0, 1.0)}
    verdict, reason = look(FOR_CANDIDATE, ON_PREFERENCE, credits=credits | {"vote": FOR_CANDIDATE})
    assert verdict == "ramp" and "; but orders speak for stable's, -0.0900" in reason


def test_few_users_decide_nothing():
    assert look(FOR_CANDIDATE, ON_PREFERENCE, users=FEW)[0] == "continue"
    verdict, reason = look(FOR_CANDIDATE, ON_PREFERENCE, elapsed_s=3_600.0, users=FEW)
    assert verdict == "ramp" and reason.startswith("interleaved pages have seen 400 users of 500; on to the A/B test")


@pytest.mark.parametrize(
    ("set_aside", "remedy"),
    [({}, "do callers send x-arm: interleave?"), ({"no user": 30}, "30 exposures are set aside (no user)")],
)
def test_no_page_at_all_is_not_waited_for(set_aside, remedy):
    nobody = dict.fromkeys(FEW, 0)
    changes = {"users": nobody, "set_aside": set_aside, "pages": {"all": 0, "with_pair": 0}}
    assert look(NOTHING, elapsed_s=59.0, **changes)[0] == "continue"
    verdict, reason = look(NOTHING, elapsed_s=60.0, **changes)
    assert verdict == "ramp" and reason.startswith(f"no interleaved page counts after 60 s: {remedy}")


@pytest.mark.parametrize("is_paused", [False, True])
def test_a_ranker_that_fails_is_rolled_back(is_paused):
    failures = {"fallback_pages": 30, "ranker_failures": {"stable": 0, "candidate": 30}}
    verdict, reason = look(FOR_CANDIDATE, is_paused=is_paused, **failures)
    assert verdict == "roll back"
    assert reason == "the candidate gave no ranking for 2.9% of 1,030 pages in time, and 2.0% is the limit"


def test_a_slow_candidate_is_rolled_back():
    slow = figures(guardrails=Guardrails(("the candidate's p99 latency is 2.10 times that of stable",), "checked"))
    preference = judge_preference(evidence(FOR_CANDIDATE), PreferencePlan(horizon_users=1000))
    verdict, reason = decide(slow, ON_PREFERENCE, preference)
    assert (verdict, reason) == ("roll back", "the candidate's p99 latency is 2.10 times that of stable")


@pytest.mark.parametrize(("elapsed_s", "word"), [(100.0, "continue"), (3_600.0, "ramp")])
def test_nobody_is_promoted_before_guardrails_are_checked(elapsed_s, word):
    early = figures(elapsed_s=elapsed_s, guardrails=Guardrails(note="under 100 requests a version: not checked"))
    preference = judge_preference(evidence(FOR_CANDIDATE), PreferencePlan(horizon_users=1000))
    verdict, reason = decide(early, ON_PREFERENCE, preference)
    assert verdict == word
    assert "; but its guardrails are not checked: under 100 requests a version: not checked" in reason


def test_failures_of_stable_blame_nobody():
    failures = {"fallback_pages": 30, "ranker_failures": {"stable": 30, "candidate": 0}}
    verdict, reason = look(FOR_STABLE, ON_PREFERENCE, **failures)
    assert verdict == "ramp" and "it is void: 2.9% of 1,030 pages had no draft" in reason


def test_a_pause_decides_nothing():
    assert look(FOR_STABLE, is_paused=True)[0] == "continue"


def test_the_dark_step_ends_in_interleaving_once():
    dark = figures(interleaved_share=0.0, was_interleaved=False)
    assert decide(dark, PLAN) == ("interleave", "the pre-period saw 500 users: on to interleaved pages for 20% of them")
    assert decide(dark, replace(PLAN, interleaved_share=0.0))[0] == "ramp"
    assert decide(replace(dark, was_interleaved=True), PLAN)[0] == "ramp"

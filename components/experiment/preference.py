"""Which ranker's items users prefer: the verdict of an interleaved comparison, in four answers and a refusal.

It chooses what is worth an A/B test, and says nothing of money.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from components.experiment.coin_test import CoinTest, check_coin
from components.experiment.confidence_sequence import MeanInterval, mean_interval
from components.experiment.preference_plan import PreferencePlan
from components.experiment.preference_users import InterleavedEvidence
from components.experiment.records import Evidence
from components.experiment.second_opinion import SecondOpinion, judge_weighed_clicks

CANDIDATE = "candidate's items are preferred"
STABLE = "stable's items are preferred"
NOT_TOLD = "not told"
HARDLY_DIFFER = "pages hardly differ"
VOID = "void"  # no answer can be trusted
ANSWERS = (CANDIDATE, STABLE, NOT_TOLD, HARDLY_DIFFER, VOID)


@dataclass(frozen=True)
class Preference:
    """The verdict with its figures and evidence."""

    verdict: str  # of ANSWERS
    reason: str
    credit: str
    intervals: Mapping[str, MeanInterval | None]  # by credit
    coin: CoinTest
    evidence: InterleavedEvidence
    second_opinion: SecondOpinion

    def to_json(self) -> dict:
        """Return the flat JSON object."""
        accounts = self.evidence.accounts
        outcomes_set_aside = dict(accounts.outcomes_set_aside)
        bets = self.evidence.bets
        return {
            "verdict": self.verdict,
            "reason": self.reason,
            "credit": self.credit,
            "exposures": accounts.exposures,
            "used": self.evidence.used,
            "set_aside": self.evidence.set_aside,
            "outcomes": accounts.outcomes,
            "outcomes_used": accounts.outcomes - sum(outcomes_set_aside.values()),
            "outcomes_set_aside": outcomes_set_aside,
            "users": self.evidence.users,
            "pages": self.evidence.pages,
            "fallback_pages": self.evidence.fallback_pages,
            "ranker_failures": self.evidence.ranker_failures,
            "currency": self.evidence.currency,
            "preference": {name: value.to_json() if value else None for name, value in self.intervals.items()},
            "betting": {"users": bets.users, "p_value": bets.p_value, "rejects_zero": bets.rejects_zero},
            "coin": self.coin.to_json(),
            "second_opinion": self.second_opinion.to_json()
            | {"compared": self.second_opinion.compare(self.intervals[self.credit])},
            "notes": list(self.evidence.notes),
        }


def judge_preference(evidence: InterleavedEvidence, plan: PreferencePlan) -> Preference:
    """Return the verdict on interleaved logs under a plan."""
    coin = check_coin(evidence.coins, plan.coin_alpha, plan.tuning_users)
    intervals = dict.fromkeys(evidence.credits)
    has_enough_users = evidence.users["with_pair"] >= plan.minimum_users_with_pair
    if has_enough_users:
        for name, sums in evidence.credits.items():
            intervals[name] = mean_interval(sums, plan.alpha, plan.tuning_users)
    verdict, reason = _decide(evidence, plan, coin, intervals[plan.credit])
    second_opinion = judge_weighed_clicks(evidence.weighed_clicks, plan, has_enough_users)
    return Preference(verdict, reason, plan.credit, intervals, coin, evidence, second_opinion)


def describe_preference(preference: Preference, evidence: Evidence) -> dict:
    """Return the JSON object with the intervals of earlier looks, by users seen."""
    document = preference.to_json()
    now = evidence.now.isoformat()
    looks = [look for look in (evidence.experiment.preference or {}).get("over_looks", []) if look["time"] < now]
    this_look = {"time": now, "users": document["users"]["all"], "interval": document["preference"][preference.credit]}
    return document | {"over_looks": [*looks, this_look]}


def _decide(
    evidence: InterleavedEvidence, plan: PreferencePlan, coin: CoinTest, interval: MeanInterval | None
) -> tuple[str, str]:
    """Return the verdict and its reason."""
    if coin.problem:
        return VOID, f"the coin is in doubt: {coin.problem}"
    if problem := _fallback_problem(evidence, plan):
        return VOID, problem
    if interval and interval.excludes_zero:
        return (CANDIDATE if interval.estimate > 0 else STABLE), _describe(evidence, plan, interval)
    if evidence.users["all"] >= plan.minimum_users_with_pair and _hardly_differ(evidence, plan):
        return HARDLY_DIFFER, f"{_describe_pages(evidence)}: hardly anybody could prefer either"
    if evidence.users["with_pair"] < plan.minimum_users_with_pair:
        users = f"{evidence.users['with_pair']:,} of {evidence.users['all']:,} users saw a pair"
        return NOT_TOLD, f"{users}, and {plan.minimum_users_with_pair} are needed"
    if interval is None:
        return NOT_TOLD, f"no user's {plan.credit} is for either: no outcome fell on an item of one ranker"
    return NOT_TOLD, _describe(evidence, plan, interval)


def _describe(evidence: InterleavedEvidence, plan: PreferencePlan, interval: MeanInterval) -> str:
    return f"{plan.credit} {interval} over {evidence.users['all']:,} users, {_describe_pages(evidence)}"


def _fallback_problem(evidence: InterleavedEvidence, plan: PreferencePlan) -> str:
    """Return why missing drafts forbid a verdict, for they may depend on a ranker."""
    total = evidence.pages["all"] + evidence.fallback_pages
    if evidence.fallback_pages <= plan.maximum_fallback_share * total:
        return ""
    share = f"{evidence.fallback_pages / total:.1%}"
    limit = f"{plan.maximum_fallback_share:.1%}"
    return f"{share} of {total:,} pages had no draft, and at most {limit} may: see which ranker failed"


def _hardly_differ(evidence: InterleavedEvidence, plan: PreferencePlan) -> bool:
    return evidence.pages["with_pair"] <= plan.hardly_differ_share * evidence.pages["all"]


def _describe_pages(evidence: InterleavedEvidence) -> str:
    count = evidence.pages["with_pair"]
    return f"{count:,} of {evidence.pages['all']:,} pages ({count / evidence.pages['all']:.1%}) had a pair"

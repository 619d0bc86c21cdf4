"""What clicks weighed by ranks say beside the verdict: shown, and never decisive."""

from dataclasses import asdict, dataclass

from components.experiment.confidence_sequence import MeanInterval, mean_interval
from components.experiment.preference_plan import PreferencePlan
from components.experiment.propensities import LEAST_CLICKS
from components.experiment.weighed_clicks import WeighedClicks

NO_RANKS = "no first page has stable_rank and candidate_rank of every item: log them"
FEW_CLICKS = f"pairs have fewer than {LEAST_CLICKS} clicks at the top: how much a place matters is not known"
FEW_USERS = "too few users saw a pair"
NO_CLICKS = "no user has any"


@dataclass(frozen=True)
class SecondOpinion:
    """The interval of users' weighed clicks, above zero for the candidate, and its propensities."""

    interval: MeanInterval | None
    problem: str  # why there is no interval, '' where there is one
    pages: int
    propensities: tuple[float, ...]
    are_estimated: bool
    check_p_value: float  # of the propensities, over all steps, valid at every look

    def to_json(self) -> dict:
        """Return the JSON object."""
        return asdict(self) | {"propensities": [round(value, 4) for value in self.propensities]}

    def compare(self, verdict: MeanInterval | None) -> str:
        """Return in a word whether it points where the deciding credit does."""
        if not (self.interval and self.interval.excludes_zero):
            return "tells nothing"
        if not (verdict and verdict.excludes_zero):
            return f"alone prefers {'the candidate' if self.interval.estimate > 0 else 'stable'}'s items"
        return "agrees" if (self.interval.estimate > 0) == (verdict.estimate > 0) else "disagrees"


def judge_weighed_clicks(weighed_clicks: WeighedClicks, plan: PreferencePlan, has_enough_users: bool) -> SecondOpinion:
    """Return the second opinion, without an interval where its propensities are in doubt."""
    interval = None
    p_values = [_p_value(sums, plan) for sums in weighed_clicks.checks]
    check_p_value = min(1.0, min(p_values, default=1.0) * len(p_values))
    problem = _explain_absence(weighed_clicks, has_enough_users)
    if not problem and check_p_value < plan.propensity_alpha:
        problem = _describe_doubt(p_values.index(min(p_values)), len(weighed_clicks.propensities), check_p_value)
    if not problem:
        interval = mean_interval(weighed_clicks.numbers, plan.alpha, plan.tuning_users)
        problem = "" if interval else NO_CLICKS
    places = weighed_clicks.propensities
    return SecondOpinion(interval, problem, weighed_clicks.pages, places, weighed_clicks.are_estimated, check_p_value)


def _explain_absence(weighed_clicks: WeighedClicks, has_enough_users: bool) -> str:
    if not weighed_clicks.pages:
        return NO_RANKS
    if not has_enough_users:
        return FEW_USERS
    return "" if weighed_clicks.numbers else FEW_CLICKS


def _describe_doubt(check: int, places: int, p_value: float) -> str:
    where = f"places {check + 1} and {check + 2}" if check < places - 1 else f"the {places} places"
    return f"the propensities are in doubt: clicks on pairs do not balance over {where} (p {p_value:.1g})"


def _p_value(sums, plan: PreferencePlan) -> float:
    interval = mean_interval(sums, plan.propensity_alpha, plan.tuning_users)
    return interval.p_value if interval else 1.0

"""How an interleaved comparison is judged: its credit, its levels, and what has to be there before it says anything."""

from dataclasses import dataclass

from components.config import JsonConfig
from components.experiment.plan import TUNING_SHARE

CREDITS = {  # by name, as SQL over a user's sums by team: positive where the candidate is preferred
    "vote": "sign(clicks_B - clicks_A)",
    "share": "CASE WHEN clicks_A + clicks_B > 0 THEN (clicks_B - clicks_A) / (clicks_A + clicks_B) ELSE 0 END",
    "sum": "clicks_B - clicks_A",
    "orders": "sign(orders_B - orders_A)",
    "revenue": "least(revenue_B, cap) - least(revenue_A, cap)",
}
DECISIVE = ("vote", "share", "sum", "orders")  # revenue is shown, and too noisy to decide
CLICK_CREDITS = ("vote", "share")  # from -1 to 1, so that they can be bet on


@dataclass(frozen=True)
class PreferencePlan(JsonConfig):
    """Limits of an interleaved comparison."""

    credit: str = "vote"  # of DECISIVE
    alpha: float = 0.05  # of an always-valid two-sided interval
    horizon_users: int = 5_000  # that the comparison is planned for; it may be looked at longer
    minimum_users_with_pair: int = 100  # before an interval is given
    coin_alpha: float = 0.001  # of the test of the coin, which voids the comparison
    hardly_differ_share: float = 0.01  # of pages with a pair, up to which pages hardly differ
    maximum_fallback_share: float = 0.02  # of pages that were to be interleaved, and were not
    revenue_cap_quantile: float = 0.999  # of the users that spent anything on a team
    propensities: tuple[float, ...] = ()  # of the places, from the top; empty: told by the coins
    propensity_alpha: float = 0.01  # of the check of the propensities, which voids the second opinion alone
    currency: str = ""  # ISO 4217; empty: the setting's, or else the one that most orders name

    @property
    def tuning_users(self) -> float:
        """Return the number of users at which the interval is tightest."""
        return TUNING_SHARE * self.horizon_users

    @property
    def bet_credit(self) -> str:
        """Return the credit that is bet on."""
        return self.credit if self.credit in CLICK_CREDITS else "vote"

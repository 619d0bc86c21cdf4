"""How an experiment is run: shares, dwell, looks, limits. Time is an argument: seconds and days are alike."""

from dataclasses import dataclass

from components.config import JsonConfig

DAY_S = 86_400
TUNING_SHARE = (
    0.7  # of the horizon, where the intervals are tightest: within a percent of the best for 20 looks and more
)
INTERLEAVED_LOOKS = 20  # at most: the horizon in users ends them earlier


@dataclass(frozen=True)
class ExperimentPlan(JsonConfig):
    """Limits of an experiment, by default at the paper's scale.

    It runs whole weeks, so that every weekday weighs the same.
    """

    shares: tuple[float, ...] = (0.0, 0.01, 0.05, 0.25, 0.5)  # of users in treatment; 0 is dark, and the pre-period
    ramp_users: int = 2_000  # seen under a share before the next one; the last share has a minimum of its own
    ramp_seconds: int = DAY_S  # and for so long
    minimum_users: int = 20_000  # in each arm, under the last share, before anything decides for or against
    dwell_seconds: int = 7 * DAY_S  # under the last share, before it is left for the better
    maximum_looks: int = 2_700  # under one share: every 15 minutes for four weeks
    horizon_users: int = 2_000_000  # the experiment ends here at the latest
    alpha: float = 0.05  # of an always-valid two-sided interval: a candidate no better is promoted in 2.5% at most
    revenue_cap_quantile: float = 0.999  # of the users that spent anything
    minimum_effect_rpm: float = 0.0  # relative lift that a promotion has to exceed
    maximum_error_rate_rise: float = 0.01
    maximum_p99_ratio: float = 1.5
    maximum_missing_features_rise: float = 0.05
    maximum_null_results_rise: float = 0.05
    maximum_conversion_drop: float = 0.5  # of control's share of users who order, before sales are a guardrail
    minimum_requests: int = 5_000  # by version, before a guardrail speaks
    srm_alpha: float = 0.001  # of the checks that end an experiment: sample ratio mismatch and lost sales
    crossover_limit: float = 0.005
    maximum_disagreement_rate: float = 0.0005  # logged arms that the hashes do not give, a user
    maximum_bad_share: float = 0.1  # of orders and refunds that do not count: other currency, no amount, too early
    maximum_late_share: float = 0.5  # of orders and refunds after their window
    currency: str = ""  # ISO 4217; empty: the setting's, or else the one that most orders name
    interleaved_share: float = 0.0  # of users whose pages are interleaved before the A/B test; 0: no such step
    interleaved_alpha: float = 0.05  # of the preference's always-valid two-sided interval
    interleaved_minimum_users: int = 1_000  # before a preference decides anything
    interleaved_horizon_users: int = 20_000  # here, or after so many seconds, the A/B test follows at the latest
    interleaved_seconds: int = 7 * DAY_S
    promote_on_preference: bool = False  # and on guardrails, without an A/B test: money is not told then
    maximum_ranker_failures: float = 0.02  # of the pages to be interleaved, that lack the candidate's ranking

    @property
    def tuning_users(self) -> float:
        """Return the number of users at which the intervals are tightest."""
        return TUNING_SHARE * self.horizon_users

    @property
    def most_looks(self) -> int:
        """Return how many looks a run takes where users come by the thousand."""
        return len(self.shares) + INTERLEAVED_LOOKS + self.maximum_looks

    def next_share(self, share: float) -> float:
        """Return the share that follows one, which is the same after the last."""
        return min((later for later in self.shares if later > share), default=share)

    @classmethod
    def paper(cls):
        """Return the plan for weeks of real traffic."""
        return cls()

    @classmethod
    def laptop(cls):
        """Return the plan for seconds of simulated traffic on two cores.

        Latency is noisy there, so only a gross rise counts.
        """
        return cls(
            shares=(0.0, 0.05, 0.5),
            ramp_users=1_000,
            ramp_seconds=0,
            minimum_users=1_000,
            dwell_seconds=0,
            maximum_looks=4,
            horizon_users=12_500,
            maximum_p99_ratio=4.0,
            minimum_requests=200,
            interleaved_share=1.0,
            interleaved_horizon_users=7_500,
            promote_on_preference=True,
        )

    @classmethod
    def smoke(cls):
        """Return the plan for a few dozen users, who reach every branch."""
        return cls(
            shares=(0.0, 0.5),
            ramp_users=10,
            ramp_seconds=0,
            minimum_users=10,
            dwell_seconds=0,
            maximum_looks=2,
            horizon_users=200,
            maximum_p99_ratio=20.0,
            minimum_requests=50,
            interleaved_share=1.0,
            interleaved_minimum_users=10,
            interleaved_horizon_users=50,
            promote_on_preference=True,
            maximum_ranker_failures=0.2,
        )

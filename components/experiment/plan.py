"""How an experiment is run: shares, dwell, looks, limits. Time is handed in, so seconds and days are treated alike."""

from dataclasses import dataclass

from components.config import JsonConfig

DAY_S = 86_400


@dataclass(frozen=True)
class ExperimentPlan(JsonConfig):
    """The paper's scale by default: whole weeks, so that every weekday weighs the same."""

    shares: tuple[float, ...] = (0.0, 0.5)  # of users in treatment, stage by stage; 0 is the A/A pre-period
    minimum_users: int = 20_000  # in each arm before any figure decides; in all before the pre-period ends
    dwell_seconds: int = 7 * DAY_S  # a stage lasts at least so long before it is left for the better
    maximum_looks: int = 28
    horizon_users: int = 2_000_000  # the experiment ends here at the latest; the intervals are tightest near it
    alpha: float = 0.05
    minimum_effect_rpm: float = 0.0  # relative lift that a promotion has to exceed
    maximum_error_rate_rise: float = 0.01
    maximum_p99_ratio: float = 1.5
    maximum_missing_features_rise: float = 0.05
    minimum_requests: int = 5_000  # by version, before a guardrail speaks
    srm_alpha: float = 0.001
    crossover_limit: float = 0.005

    @classmethod
    def paper(cls):
        """Weeks of real traffic."""
        return cls()

    @classmethod
    def laptop(cls):
        """Seconds of simulated traffic, two cores: latency is noisy, so only a gross rise counts."""
        return cls(
            minimum_users=1_000,
            dwell_seconds=0,
            maximum_looks=4,
            horizon_users=12_500,
            maximum_p99_ratio=4.0,
            minimum_requests=200,
        )

    @classmethod
    def smoke(cls):
        """A few dozen users: enough to reach every branch, not to see an effect."""
        return cls(
            minimum_users=10,
            dwell_seconds=0,
            maximum_looks=2,
            horizon_users=200,
            maximum_p99_ratio=20.0,
            minimum_requests=50,
        )

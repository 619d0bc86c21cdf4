"""Whether the verdict keeps its promises: simulated experiments with heavy-tailed revenue and a look after every batch.

Orders come late and are refunded later, so that what a look sees changes afterwards. Every look goes through the
platform's own intervals and its own decision.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.stats import binomtest

from components.experiment.assignment import ARMS
from components.experiment.decision import decide
from components.experiment.figures import LookFigures
from components.experiment.intervals import Level, LiftInterval, relative_lift
from components.experiment.plan import ExperimentPlan
from components.experiment.power import Sequence, expected_drift
from components.experiment.sufficient_statistics import SIZE, SufficientStatistics

LOOKS = 100
BATCH = 1000  # users of both arms a look
POWER = 0.9
BUYERS = 0.2  # share of users who order
LOG_SPREAD = 1.2  # of what they pay
EXPOSURES = 12.0  # a user
LATE_ORDERS = 0.3  # share of orders that come after the look at which their user was first seen
REFUNDS = 0.25  # share of orders that are taken back at a later look
MEAN_DELAY = 5  # looks, of late orders and of refunds
PLAN = ExperimentPlan(
    shares=(0.0, 0.5), minimum_users=BATCH, dwell_seconds=0, maximum_looks=LOOKS, horizon_users=LOOKS * BATCH
)


@dataclass(frozen=True)
class Population:
    """What users do; their revenue is capped as the platform caps it."""

    cap: float
    coefficient_of_variation: float  # of a user's RPM


@dataclass(frozen=True)
class StreamResult:
    """How one experiment ended, after how many users, and whether every interval held the truth."""

    verdict: str
    users: int
    is_covered: bool


def draw_users(rng: np.random.Generator, count: int, lift: float) -> tuple[np.ndarray, np.ndarray]:
    """Draw revenue and exposures of users, uncapped. The lift is in how many of them order."""
    exposures = 1 + rng.poisson(EXPOSURES - 1, count)
    has_order = rng.random(count) < BUYERS * (1 + lift) * exposures / EXPOSURES
    return np.where(has_order, rng.lognormal(0, LOG_SPREAD, count), 0.0), exposures.astype(float)


def measure_population() -> Population:
    """Measure cap and coefficient of variation of net revenue on many users."""
    rng = np.random.default_rng(1)
    revenue, exposures = draw_users(rng, 2_000_000, 0.0)
    revenue = np.where(rng.random(len(revenue)) < REFUNDS, 0.0, revenue)
    cap = float(np.quantile(revenue[revenue > 0], PLAN.revenue_cap_quantile))
    revenue = np.minimum(revenue, cap)
    ratio = revenue.sum() / exposures.sum()
    deviation = np.std(revenue - ratio * exposures)
    return Population(cap, float(deviation / (ratio * exposures.mean())))


def run_stream(seed: int, lift: float, population: Population) -> StreamResult:
    """Run one experiment that is looked at after every batch."""
    rng = np.random.default_rng([seed, round(1e6 * lift)])
    effects = {"control": 0.0, "treatment": lift}
    sums = {arm: running_sums(rng, effects[arm], population.cap) for arm in ARMS}
    verdict = "continue"
    is_covered = True
    end = LOOKS
    for look in range(LOOKS):
        users = (look + 1) * BATCH // 2
        arms = {arm: to_statistics(users, sums[arm][look]) for arm in ARMS}
        interval = relative_lift(arms, Level(PLAN.alpha, PLAN.tuning_users))
        if interval and interval.is_relative:
            is_covered &= interval.low <= lift <= interval.high
        if verdict == "continue":
            verdict = decide(look_figures(interval, users, look), PLAN)[0]
            end = look + 1
    return StreamResult(verdict, end * BATCH, is_covered)


def running_sums(rng: np.random.Generator, lift: float, cap: float) -> np.ndarray:
    """Return an arm's sums at every look, (LOOKS, 6): n, d, nn, nd, dd and users with revenue.

    n is a user's net revenue, d its exposures.
    """
    count = LOOKS * BATCH // 2
    revenue, exposures = draw_users(rng, count, lift)
    revenue = np.minimum(revenue, cap)
    first_look = np.repeat(np.arange(LOOKS), BATCH // 2)
    order_look = first_look + np.where(rng.random(count) < LATE_ORDERS, rng.geometric(1 / MEAN_DELAY, count), 0)
    refund_look = np.where(rng.random(count) < REFUNDS, order_look + rng.geometric(1 / MEAN_DELAY, count), LOOKS)
    zero = np.zeros(count)
    growth = np.zeros((LOOKS + 1, 6))
    exposure_rows = np.stack([zero, exposures, zero, zero, exposures**2, zero], -1)
    order_rows = np.stack([revenue, zero, revenue**2, revenue * exposures, zero, revenue > 0], -1)
    np.add.at(growth, first_look, exposure_rows)
    np.add.at(growth, np.minimum(order_look, LOOKS), order_rows)
    np.add.at(growth, np.minimum(refund_look, LOOKS), -order_rows)
    return growth[:LOOKS].cumsum(0)


def to_statistics(users: int, sums: np.ndarray) -> SufficientStatistics:
    """Return users' statistics from an arm's running sums."""
    totals = np.zeros(SIZE)
    products = np.zeros((SIZE, SIZE))
    totals[:2] = sums[:2]
    products[:2, :2] = [[sums[2], sums[3]], [sums[3], sums[4]]]
    return SufficientStatistics(users, totals, products, round(sums[5]))


def look_figures(interval: LiftInterval | None, users: int, look: int) -> LookFigures:
    """Return what a decision reads where nothing but the lift has something to say."""
    return LookFigures(
        share=0.5, stage=1, elapsed_s=1.0, looks=look + 1, users=dict.fromkeys(ARMS, users), rpm_lift=interval
    )


def design_lift(population: Population, drift: float) -> float:
    """Return the lift that gives this drift at the horizon."""

    def excess(lift: float) -> float:
        return expected_drift(lift, population.coefficient_of_variation, PLAN.horizon_users) - drift

    return brentq(excess, 1e-6, 1.0)


def promises(aa: int = 2000, ab: int = 1000) -> dict:
    """Measure false promotions without an effect, power at the design's effect, coverage and cost."""
    population = measure_population()
    sequence = Sequence(LOOKS, PLAN.alpha)
    drift = sequence.drift(POWER)
    lift = design_lift(population, drift)
    without_effect = [run_stream(seed, 0.0, population) for seed in range(aa)]
    with_effect = [run_stream(seed, lift, population) for seed in range(ab)]
    false_promotions = sum(stream.verdict == "promote" for stream in without_effect)
    promotions = sum(stream.verdict == "promote" for stream in with_effect)
    fixed_horizon = PLAN.horizon_users / sequence.cost(POWER)["at_most"]
    interval = binomtest(false_promotions, aa).proportion_ci(0.95)
    return {
        "aa_streams": aa,
        "late_orders": LATE_ORDERS,
        "refunds": REFUNDS,
        "aa_alpha_one_sided": PLAN.alpha / 2,
        "aa_false_promotions": round(false_promotions / aa, 4),
        "aa_false_promotions_low": round(float(interval.low), 4),
        "aa_false_promotions_high": round(float(interval.high), 4),
        "ab_streams": ab,
        "ab_lift": round(lift, 4),
        "ab_power_predicted": round(sequence.power(drift), 4),
        "ab_power": round(promotions / ab, 4),
        "coverage": round(float(np.mean([stream.is_covered for stream in without_effect + with_effect])), 4),
        "coverage_stated": 1 - PLAN.alpha,
        "sample_size_cost": round(float(sequence.cost(POWER)["at_most"]), 3),
        "sample_size_cost_mean": round(float(np.mean([stream.users for stream in with_effect])) / fixed_horizon, 3),
    }

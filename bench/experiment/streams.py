"""Whether the verdict keeps its promises: simulated experiments with heavy-tailed revenue and a look after every batch.

Every look goes through the platform's own intervals and its own decision.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.stats import binomtest

from components.experiment.intervals import COLUMNS, Level, Moments, compared
from components.experiment.plan import ExperimentPlan
from components.experiment.power import Sequence, drift_of
from components.experiment.verdict import decide

LOOKS, BATCH = 100, 1000  # users of both arms a look
POWER = 0.9
BUYS, SPREAD, SHOWN = 0.2, 1.2, 12.0  # share of users who order, log-spread of what they pay, exposures a user
PLAN = ExperimentPlan(
    shares=(0.0, 0.5), minimum_users=BATCH, dwell_seconds=0, maximum_looks=LOOKS, horizon_users=LOOKS * BATCH
)


@dataclass(frozen=True)
class World:
    """What users do: their revenue is capped as the platform caps it."""

    cap: float
    spread: float  # standard deviation of a user's RPM over its mean


def users_of(rng: np.random.Generator, count: int, lift: float) -> tuple[np.ndarray, np.ndarray]:
    """Revenue and exposures of users, uncapped; the lift is in how many of them order."""
    shown = 1 + rng.poisson(SHOWN - 1, count)
    ordered = rng.random(count) < BUYS * (1 + lift) * shown / SHOWN
    return np.where(ordered, rng.lognormal(0, SPREAD, count), 0.0), shown.astype(float)


def world() -> World:
    """The cap and the spread, from many users."""
    revenue, shown = users_of(np.random.default_rng(1), 2_000_000, 0.0)
    cap = float(np.quantile(revenue[revenue > 0], PLAN.revenue_cap_quantile))
    revenue = np.minimum(revenue, cap)
    ratio = revenue.sum() / shown.sum()
    return World(cap, float(np.std(revenue - ratio * shown) / (ratio * shown.mean())))


def stream(seed: int, lift: float, known: World) -> dict:
    """One experiment looked at after every batch: how it ended, when, and whether every interval held the truth."""
    rng = np.random.default_rng([seed, round(1e6 * lift)])
    sides = {arm: side(rng, effect, known.cap) for arm, effect in (("control", 0.0), ("treatment", lift))}
    covered, word = True, "continue"
    ended = LOOKS
    for look in range(LOOKS):
        users = (look + 1) * BATCH // 2
        arms = {arm: moments_of(users, each[look]) for arm, each in sides.items()}
        found = compared(arms, "rpm", Level(PLAN.alpha, PLAN.tuning_users))
        covered &= found is None or found["low"] <= lift <= found["high"]
        if word == "continue":
            word, ended = decide(figures(found, users, look), PLAN)[0], look + 1
    return {"word": word, "users": ended * BATCH, "covered": covered}


def side(rng: np.random.Generator, lift: float, cap: float) -> np.ndarray:
    """Running sums of one arm at every look, (LOOKS, 5): n, d, nn, nd, dd of revenue n and exposures d."""
    revenue, shown = users_of(rng, LOOKS * BATCH // 2, lift)
    revenue = np.minimum(revenue, cap)
    rows = np.stack([revenue, shown, revenue**2, revenue * shown, shown**2], -1)
    return rows.reshape(LOOKS, -1, 5).sum(1).cumsum(0)


def moments_of(users: int, sums: np.ndarray) -> Moments:
    """Users' moments from an arm's running sums."""
    half, at = len(COLUMNS), [COLUMNS.index("revenue"), COLUMNS.index("exposures")]
    total, products = np.zeros(2 * half), np.zeros((2 * half, 2 * half))
    total[at] = sums[:2]
    products[np.ix_(at, at)] = [[sums[2], sums[3]], [sums[3], sums[4]]]
    return Moments(users, total, products)


def figures(found: dict | None, users: int, look: int) -> dict:
    """What a decision reads, where nothing but the lift has something to say."""
    arms = ("control", "treatment")
    calm = {
        "guardrails": {"breaches": []},
        "disagreements": 0,
        "srm_p_value": 1.0,
        "crossover": dict.fromkeys(arms, 0.0),
    }
    stage = {"share": 0.5, "stage": 1, "elapsed_s": 1.0, "looks": look + 1, "users": dict.fromkeys(arms, users)}
    return calm | stage | {"rpm_lift": found}


def promises(aa: int = 2000, ab: int = 1000) -> dict:
    """False promotions without an effect, power at the design's effect beside its prediction, coverage, cost."""
    known, sequence = world(), Sequence(LOOKS, PLAN.alpha)
    wanted = sequence.drift(POWER)
    lift = brentq(lambda lift: drift_of(lift, known.spread, PLAN.horizon_users) - wanted, 1e-6, 1.0)
    predicted = sequence.power(wanted)
    nothing = [stream(seed, 0.0, known) for seed in range(aa)]
    effect = [stream(seed, lift, known) for seed in range(ab)]
    wrong = sum(one["word"] == "promote" for one in nothing)
    right = sum(one["word"] == "promote" for one in effect)
    fixed = PLAN.horizon_users / sequence.cost(POWER)["at_most"]
    between = binomtest(wrong, aa).proportion_ci(0.95)
    return {
        "aa_streams": aa,
        "aa_alpha_one_sided": PLAN.alpha / 2,
        "aa_false_promotions": round(wrong / aa, 4),
        "aa_false_promotions_low": round(float(between.low), 4),
        "aa_false_promotions_high": round(float(between.high), 4),
        "ab_streams": ab,
        "ab_lift": round(lift, 4),
        "ab_power_predicted": round(predicted, 4),
        "ab_power": round(right / ab, 4),
        "coverage": round(float(np.mean([one["covered"] for one in nothing + effect])), 4),
        "coverage_stated": 1 - PLAN.alpha,
        "sample_size_cost": round(float(sequence.cost(POWER)["at_most"]), 3),
        "sample_size_cost_mean": round(float(np.mean([one["users"] for one in effect])) / fixed, 3),
    }

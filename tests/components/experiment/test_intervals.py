"""Intervals: small numbers by hand, and the point estimates and errors of a second library."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tea_tasting as tt
from gbstats.frequentist.tests import FrequentistConfig, TwoSidedTTest

from components.experiment.intervals import (
    COLUMNS,
    Level,
    compared,
    conversion,
    described,
    linearised,
    moments,
    revenue_cap,
)
from components.experiment.srm import mismatch

LEVEL = Level(alpha=0.05, users=400)
BLANK = dict.fromkeys((*COLUMNS, *(f"pre_{name}" for name in COLUMNS)), 0.0)
NO_CAP = 1e300


def written(rows, path):
    rows = [BLANK | {"user_hash": number.to_bytes(16, "big")} | row for number, row in enumerate(rows)]
    pq.write_table(pa.Table.from_pylist(rows), path)
    return path


def random_users(seed=3, users=2000):
    """Users who spend as they did before, for the most part."""
    rng = np.random.default_rng(seed)
    arm = np.where(rng.random(users) < 0.5, "control", "treatment")
    found, spends = {"arm": arm}, rng.lognormal(0, 0.7, users)
    for when, better in (("pre_", 0), ("", 1)):
        found[f"{when}exposures"] = exposures = rng.integers(1, 30, users).astype(float)
        found[f"{when}revenue"] = rng.poisson(exposures * spends * (8 + better * (arm == "treatment"))).astype(float)
        found[f"{when}graded"] = graded = rng.integers(0, 5, users).astype(float)
        found[f"{when}grades"] = graded * rng.random(users)
    return pd.DataFrame(found)


@pytest.fixture
def users(tmp_path):
    return written(random_users().to_dict("records"), tmp_path / "users.parquet")


def absolute(statistics):
    return TwoSidedTTest(*statistics, FrequentistConfig(difference_type="absolute")).compute_result()


def oracle(metric):
    data = random_users().assign(variant=lambda frame: (frame.arm == "treatment").astype(int))
    return tt.Experiment(metric=metric).analyze(data)["metric"]


def test_an_rpm_of_50_00_against_50_71_is_a_lift_of_0_0142(tmp_path):
    rows = [{"arm": "control", "exposures": 100.0, "revenue": cents} for cents in (400, 600)]
    rows += [{"arm": "treatment", "exposures": 100.0, "revenue": cents} for cents in (414, 600.2)]
    arms = moments(written(rows, tmp_path / "users.parquet"), NO_CAP)
    assert described(arms["control"])["rpm"] == pytest.approx(50.00)
    assert described(arms["treatment"])["rpm"] == pytest.approx(50.71)
    assert compared(arms, "rpm", LEVEL)["estimate"] == pytest.approx(0.0142)


def test_without_a_pre_period_lift_and_error_are_those_of_tea_tasting(tmp_path):
    rows = random_users().drop(columns=[f"pre_{name}" for name in ("exposures", "revenue", "graded", "grades")])
    arms = moments(written(rows.to_dict("records"), tmp_path / "users.parquet"), NO_CAP)
    said, mine = oracle(tt.RatioOfMeans("revenue", "exposures")), absolute(linearised(arms, "rpm"))
    assert compared(arms, "rpm", LEVEL)["estimate"] == pytest.approx(said.rel_effect_size, rel=1e-9)
    assert mine.ci == pytest.approx([said.effect_size_ci_lower, said.effect_size_ci_upper], rel=1e-3)


def test_adjusted_by_the_pre_period_they_are_those_of_tea_tasting_with_cuped(users):
    said = oracle(tt.RatioOfMeans("revenue", "exposures", "pre_revenue", "pre_exposures"))
    mine = absolute(linearised(moments(users, NO_CAP), "rpm"))
    assert mine.ci == pytest.approx([said.effect_size_ci_lower, said.effect_size_ci_upper], rel=0.02)


def test_the_pre_period_makes_the_interval_narrower(users):
    whole = moments(users, NO_CAP)
    blind = {arm: type(one)(one.users, one.sums.copy(), one.products, one.buyers) for arm, one in whole.items()}
    for one in blind.values():
        one.sums[len(COLUMNS) :] = 0
    assert compared(whole, "rpm", LEVEL)["half_width"] < 0.8 * compared(blind, "rpm", LEVEL)["half_width"]


def test_satisfaction_differs_by_what_tea_tasting_says(users):
    said = oracle(tt.RatioOfMeans("grades", "graded", "pre_grades", "pre_graded"))
    assert compared(moments(users, NO_CAP), "rs", LEVEL)["estimate"] == pytest.approx(said.effect_size, abs=1e-3)


def test_revenue_over_the_cap_counts_as_the_cap(tmp_path):
    rows = [
        {"arm": arm, "exposures": 1.0, "revenue": revenue} for arm in ("control", "treatment") for revenue in (1, 99)
    ]
    path = written(rows, tmp_path / "users.parquet")
    assert moments(path, 10.0)["control"].of("revenue") == 11
    assert revenue_cap(path, 1.0) == 99


def test_conversion_is_the_share_of_users_who_ordered(tmp_path):
    rows = [
        {"arm": arm, "orders": float(n < many)}
        for arm, many in (("control", 20), ("treatment", 30))
        for n in range(100)
    ]
    assert conversion(moments(written(rows, tmp_path / "users.parquet"), NO_CAP), LEVEL)["estimate"] == pytest.approx(
        0.5
    )


def test_the_always_valid_interval_is_wider_than_the_fixed_one_and_holds_the_estimate(users):
    lift = compared(moments(users, NO_CAP), "rpm", LEVEL)
    assert lift["low"] < lift["fixed_low"] < lift["estimate"] < lift["fixed_high"] < lift["high"]


def test_without_revenue_no_interval_is_drawn(tmp_path):
    rows = [{"arm": arm, "exposures": 10.0} for arm in ("control", "treatment") * 3]
    arms = moments(written(rows, tmp_path / "users.parquet"), NO_CAP)
    assert compared(arms, "rpm", LEVEL) is None and compared(arms, "rs", LEVEL) is None


def test_arms_that_fit_the_share_are_no_mismatch():
    assert mismatch({"control": 9010, "treatment": 990}, 0.1) > 0.5
    assert mismatch({"control": 100}, 0.0) == 1.0


def test_49_to_51_at_200_000_users_is_a_mismatch_and_the_chance_of_a_false_one_is_kept_at_every_look():
    assert mismatch({"control": 98_000, "treatment": 102_000}, 0.5) < 1e-6
    rng = np.random.default_rng(0)
    treated = rng.binomial(500, 0.5, (400, 100)).cumsum(1)
    looks = [
        [mismatch({"control": 500 * (n + 1) - t, "treatment": t}, 0.5) for n, t in enumerate(row)] for row in treated
    ]
    assert (np.min(looks, axis=1) < 0.05).mean() <= 0.05

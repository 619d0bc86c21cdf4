"""Intervals: small numbers by hand, and the point estimates and errors of a second library."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tea_tasting as tt
from gbstats.frequentist.tests import FrequentistConfig, TwoSidedTTest

from components.experiment import intervals
from components.experiment.intervals import arm_sums, described, rpm_lift, rs_difference, srm
from components.experiment.plan import ExperimentPlan

PLAN = ExperimentPlan(horizon_users=400)
BLANK = {"slice": 1, "exposures": 0, "revenue": 0, "grades": 0.0, "graded": 0, "clicks": 0, "orders": 0}


def written(rows, path):
    rows = [BLANK | {"user_hash": number.to_bytes(16, "big")} | row for number, row in enumerate(rows)]
    pq.write_table(pa.Table.from_pylist(rows), path)
    return path


def random_users(seed=3, users=400):
    rng = np.random.default_rng(seed)
    exposures = rng.integers(1, 30, users)
    arms = np.where(rng.random(users) < 0.5, "control", "treatment")
    revenue = rng.poisson(exposures * np.where(arms == "treatment", 9, 8))
    graded = rng.integers(0, 5, users)
    columns = {"arm": arms, "exposures": exposures, "revenue": revenue, "graded": graded}
    return pd.DataFrame(columns | {"grades": graded * rng.random(users)})


@pytest.fixture
def users(tmp_path):
    return written(random_users().to_dict("records"), tmp_path / "users.parquet")


def test_an_rpm_of_50_00_against_50_71_is_a_lift_of_0_0142(tmp_path):
    rows = [{"arm": "control", "exposures": 100, "revenue": cents} for cents in (400, 600)]
    rows += [{"arm": "treatment", "exposures": 100, "revenue": cents} for cents in (414, 600.2)]
    arms = arm_sums(written(rows, tmp_path / "users.parquet"), 1, 1)
    assert described(arms["control"])["rpm"] == pytest.approx(50.00)
    assert described(arms["treatment"])["rpm"] == pytest.approx(50.71)
    assert rpm_lift(arms, PLAN)["estimate"] == pytest.approx(0.0142)


def test_a_users_slices_are_summed_before_they_are_squared(tmp_path):
    rows = [{"arm": "control", "user_hash": b"u" * 16, "slice": at, "exposures": 1} for at in (1, 2)]
    path = written(rows, tmp_path / "users.parquet")
    assert arm_sums(path, 1, 2)["control"]["exposures_squared"] == 4
    assert arm_sums(path, 1, 1)["control"]["exposures_squared"] == 1


def test_lift_and_its_fixed_horizon_error_are_those_of_tea_tasting(users):
    data = random_users().assign(variant=lambda frame: (frame.arm == "treatment").astype(int))
    oracle = tt.Experiment(rpm=tt.RatioOfMeans("revenue", "exposures")).analyze(data)["rpm"]
    arms = arm_sums(users, 1, 1)
    control, treatment = (intervals.ratio(arms[arm], intervals.RPM) for arm in ("control", "treatment"))
    fixed = TwoSidedTTest(control, treatment, FrequentistConfig(difference_type="absolute")).compute_result()
    assert rpm_lift(arms, PLAN)["estimate"] == pytest.approx(oracle.rel_effect_size)
    assert fixed.ci == pytest.approx([oracle.effect_size_ci_lower, oracle.effect_size_ci_upper], rel=0.01)


def test_satisfaction_differs_by_what_tea_tasting_says(users):
    data = random_users().assign(variant=lambda frame: (frame.arm == "treatment").astype(int))
    oracle = tt.Experiment(rs=tt.RatioOfMeans("grades", "graded")).analyze(data)["rs"]
    assert rs_difference(arm_sums(users, 1, 1), PLAN)["estimate"] == pytest.approx(oracle.effect_size)


def test_the_sample_ratio_p_value_is_that_of_tea_tasting():
    data = pd.DataFrame({"variant": [0] * 5300 + [1] * 4700})
    oracle = tt.Experiment(srm=tt.SampleRatio(method="norm", correction=False)).analyze(data)["srm"]
    assert srm({"control": 5300, "treatment": 4700}, 0.5) == pytest.approx(oracle.pvalue, rel=1e-6)


def test_arms_that_fit_the_share_are_no_mismatch():
    assert srm({"control": 9010, "treatment": 990}, 0.1) > 0.5
    assert srm({"control": 100}, 0.0) == 1.0


def test_the_always_valid_interval_is_wider_than_the_fixed_one_and_holds_the_estimate(users):
    lift = rpm_lift(arm_sums(users, 1, 1), PLAN)
    assert lift["low"] < lift["estimate"] < lift["high"]
    assert lift["half_width"] == pytest.approx((lift["high"] - lift["low"]) / 2)


def test_without_revenue_no_interval_is_drawn(tmp_path):
    rows = [{"arm": arm, "exposures": 10} for arm in ("control", "treatment") * 3]
    assert rpm_lift(arm_sums(written(rows, tmp_path / "users.parquet"), 1, 1), PLAN) is None


def test_under_no_effect_ten_looks_rarely_exclude_zero():
    wrong = sum(_ever_excludes_zero(seed) for seed in range(60))
    assert wrong <= 8  # of 60 at alpha 0.05: 3 are expected at most, 8 is past three standard deviations


def _ever_excludes_zero(seed: int) -> bool:
    rng = np.random.default_rng(seed)
    revenue, exposures = rng.poisson(80, 2000) * rng.integers(0, 2, 2000), np.full(2000, 10)
    return any(_excludes_zero(revenue[:cut], exposures[:cut]) for cut in range(200, 2001, 200))


def _excludes_zero(revenue, exposures) -> bool:
    arms = {}
    for at, arm in enumerate(("control", "treatment")):
        m, d = revenue[at::2].astype(float), exposures[at::2].astype(float)
        sums = (m.sum(), (m * m).sum(), d.sum(), (d * d).sum(), (m * d).sum())
        arms[arm] = {"users": len(m)} | dict(zip(intervals.RPM, map(float, sums), strict=True))
    lift = rpm_lift(arms, ExperimentPlan(horizon_users=2000))
    return not lift["low"] < 0 < lift["high"]

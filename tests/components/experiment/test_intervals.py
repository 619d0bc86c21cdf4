"""Intervals: small numbers by hand, and the point estimates and errors of a second library."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tea_tasting as tt
from gbstats.frequentist.tests import FrequentistConfig, TwoSidedTTest

from components.experiment.attribute import COUNTED, MEASURES
from components.experiment.delta_method import delta_method_statistics
from components.experiment.intervals import RATIOS, Level, no_lift_reason, relative_lift
from components.experiment.srm import shortfall_p_value, srm_p_value
from components.experiment.user_sums import open_user_sums
from components.experiment.verdict import summarize_arm

LEVEL = Level(alpha=0.05, users=400)
BLANK = dict.fromkeys((*COUNTED, *(f"pre_{name}" for name in MEASURES)), 0.0)
CELL_COLUMNS = ("user_id", "arm", "exposures", "revenue")
PRE_NAMES = ("exposures", "revenue", "graded", "grades")


def write_users(rows, path):
    """Write users.parquet, and cells.parquet with one cell a user."""
    users = [BLANK | {"user_id": number} | row for number, row in enumerate(rows)]
    pq.write_table(pa.Table.from_pylist(users), path)
    cell = {"cut": 0, "query_class": "head", "locale": "us"}
    cells = [{name: user[name] for name in CELL_COLUMNS} | cell for user in users]
    pq.write_table(pa.Table.from_pylist(cells), path.with_name("cells.parquet"))
    return path


def random_users(seed=3, users=2000):
    """Users who spend as they did before, for the most part."""
    rng = np.random.default_rng(seed)
    arm = np.where(rng.random(users) < 0.5, "control", "treatment")
    columns = {"arm": arm}
    spending = rng.lognormal(0, 0.7, users)
    for prefix, effect in (("pre_", 0), ("", 1)):
        exposures = rng.integers(1, 30, users).astype(float)
        mean = exposures * spending * (8 + effect * (arm == "treatment"))
        graded = rng.integers(0, 5, users).astype(float)
        columns[f"{prefix}exposures"] = exposures
        columns[f"{prefix}revenue"] = rng.poisson(mean).astype(float)
        columns[f"{prefix}graded"] = graded
        columns[f"{prefix}grades"] = graded * rng.random(users)
    return pd.DataFrame(columns)


@pytest.fixture
def users(tmp_path):
    return write_users(random_users().to_dict("records"), tmp_path / "users.parquet")


def read_statistics(path, metric="rpm", cap_quantile=1.0):
    with open_user_sums(path.parent, cap_quantile) as sums:
        return sums.ratio_statistics(RATIOS)[metric]


def lift_rpm(path):
    return relative_lift(read_statistics(path), LEVEL)


def absolute_test(path, metric):
    statistics = delta_method_statistics(read_statistics(path, metric))
    return TwoSidedTTest(*statistics, FrequentistConfig(difference_type="absolute")).compute_result()


def analyze_with_tea_tasting(metric):
    data = random_users().assign(variant=lambda frame: (frame.arm == "treatment").astype(int))
    return tt.Experiment(metric=metric).analyze(data)["metric"]


def test_small_revenues_give_the_lift_by_hand(tmp_path):
    rows = [{"arm": "control", "exposures": 100.0, "revenue": cents} for cents in (400, 600)]
    rows += [{"arm": "treatment", "exposures": 100.0, "revenue": cents} for cents in (414, 600.2)]
    path = write_users(rows, tmp_path / "users.parquet")
    with open_user_sums(path.parent, 1.0) as sums:
        summaries = {totals["arm"]: summarize_arm(totals) for totals in sums.arm_totals()}
    assert summaries["control"].rpm == pytest.approx(50.00)
    assert summaries["treatment"].rpm == pytest.approx(50.71)
    assert lift_rpm(path).estimate == pytest.approx(0.0142)


def test_without_a_pre_period_tea_tasting_agrees(tmp_path):
    rows = random_users().drop(columns=[f"pre_{name}" for name in PRE_NAMES])
    path = write_users(rows.to_dict("records"), tmp_path / "users.parquet")
    expected = analyze_with_tea_tasting(tt.RatioOfMeans("revenue", "exposures"))
    interval = [expected.effect_size_ci_lower, expected.effect_size_ci_upper]
    assert lift_rpm(path).estimate == pytest.approx(expected.rel_effect_size, rel=1e-9)
    assert absolute_test(path, "rpm").ci == pytest.approx(interval, rel=1e-3)


def test_with_cuped_tea_tasting_agrees(users):
    expected = analyze_with_tea_tasting(tt.RatioOfMeans("revenue", "exposures", "pre_revenue", "pre_exposures"))
    interval = [expected.effect_size_ci_lower, expected.effect_size_ci_upper]
    assert absolute_test(users, "rpm").ci == pytest.approx(interval, rel=0.02)


def test_the_pre_period_makes_the_interval_narrower(users):
    arms = read_statistics(users, "rpm")
    without = {arm: replace(statistics, sums=statistics.sums * [1, 1, 0, 0]) for arm, statistics in arms.items()}
    assert relative_lift(arms, LEVEL).half_width < 0.8 * relative_lift(without, LEVEL).half_width


def test_satisfaction_differs_as_tea_tasting_says(users):
    expected = analyze_with_tea_tasting(tt.RatioOfMeans("grades", "graded", "pre_grades", "pre_graded"))
    lift = relative_lift(read_statistics(users, "rs"), LEVEL, is_absolute=True)
    assert lift.estimate == pytest.approx(expected.effect_size, abs=1e-3)


def test_revenue_over_the_cap_counts_as_the_cap(tmp_path):
    rows = [{"arm": "control", "exposures": 1.0, "revenue": revenue} for revenue in (1, 10, 99, -99)]
    path = write_users(rows, tmp_path / "users.parquet")
    assert read_statistics(path, cap_quantile=0.5)["control"].sums[0] == 1 + 10 + 10 - 10
    assert read_statistics(path, cap_quantile=1.0)["control"].sums[0] == 1 + 10 + 99 - 99


def test_conversion_is_the_share_of_buyers(tmp_path):
    rows = [{"arm": "control", "orders": float(number < 20)} for number in range(100)]
    rows += [{"arm": "treatment", "orders": float(number < 30)} for number in range(100)]
    arms = read_statistics(write_users(rows, tmp_path / "users.parquet"), "conversion")
    assert relative_lift(arms, LEVEL).estimate == pytest.approx(0.5)


def test_the_always_valid_interval_is_wider(users):
    lift = lift_rpm(users)
    assert lift.low < lift.fixed_low < lift.estimate < lift.fixed_high < lift.high


def test_without_revenue_there_is_no_interval(tmp_path):
    rows = [{"arm": arm, "exposures": 10.0} for arm in ("control", "treatment") * 3]
    path = write_users(rows, tmp_path / "users.parquet")
    assert lift_rpm(path) is None
    assert no_lift_reason(read_statistics(path, "rpm")) == "nothing was counted in either arm"
    assert relative_lift(read_statistics(path, "rs"), LEVEL) is None


@pytest.mark.parametrize(("revenue", "sign"), [((0.0, 9.0), 1), ((9.0, 0.0), -1), ((5.0, 7.0), 1), ((-5.0, -7.0), -1)])
def test_constant_arms_have_a_conservative_interval(tmp_path, revenue, sign):
    rows = [{"arm": "control", "exposures": 1.0, "revenue": revenue[0]}] * 500
    rows += [{"arm": "treatment", "exposures": 1.0, "revenue": revenue[1]}] * 500
    lift = lift_rpm(write_users(rows, tmp_path / "users.parquet"))
    assert np.sign(lift.low) == np.sign(lift.high) == sign
    assert lift.high - lift.low > 0.1 * abs(lift.estimate)


def test_one_order_in_each_arm_shows_nothing(tmp_path):
    rows = [{"arm": "control", "exposures": 1.0, "revenue": 9.0 * (number == 0)} for number in range(500)]
    rows += [{"arm": "treatment", "exposures": 1.0, "revenue": 99.0 * (number == 0)} for number in range(500)]
    lift = lift_rpm(write_users(rows, tmp_path / "users.parquet"))
    assert lift.low < 0 < lift.high


def test_a_negative_control_does_not_turn_the_sign(tmp_path):
    rng = np.random.default_rng(1)
    rows = [{"arm": "control", "exposures": 1.0, "revenue": value} for value in rng.normal(-100, 10, 500)]
    rows += [{"arm": "treatment", "exposures": 1.0, "revenue": value} for value in rng.normal(-50, 10, 500)]
    lift = lift_rpm(write_users(rows, tmp_path / "users.parquet"))
    assert lift.difference_type == "absolute" and lift.low > 0
    assert lift.estimate == pytest.approx(50, abs=3) and lift.control == pytest.approx(-100, abs=2)


def test_a_shift_keeps_the_absolute_interval(users):
    arms = read_statistics(users, "rpm")
    lift = relative_lift(arms, LEVEL, is_absolute=True)
    expected = absolute_test(users, "rpm")
    assert [lift.fixed_low, lift.fixed_high] == pytest.approx(expected.ci, rel=1e-6)


def test_arms_that_fit_the_share_are_no_mismatch():
    assert srm_p_value({"control": 9010, "treatment": 990}, 0.1) > 0.5
    assert srm_p_value({"control": 100}, 0.0) == 1.0


def test_49_to_51_percent_is_a_mismatch():
    assert srm_p_value({"control": 98_000, "treatment": 102_000}, 0.5) < 1e-6


def least_p_value(counts, p_value):
    """The least p-value over looks after every 500 users more."""
    return min(p_value(count, 500 * (look + 1)) for look, count in enumerate(counts))


@pytest.mark.slow
def test_false_mismatches_are_rare_at_every_look():
    rng = np.random.default_rng(0)
    counts = rng.binomial(500, 0.5, (400, 100)).cumsum(1)

    def p_value(count, total):
        return srm_p_value({"control": total - count, "treatment": count}, 0.5)

    assert np.mean([least_p_value(row, p_value) < 0.05 for row in counts]) <= 0.05


def test_false_shortfalls_are_rare_at_every_look():
    rng = np.random.default_rng(0)
    counts = rng.binomial(500, 1 / 3, (400, 100)).cumsum(1)
    rate = np.mean(
        [least_p_value(row, lambda count, total: shortfall_p_value(count, total, 1 / 3)) < 0.05 for row in counts]
    )
    assert rate <= 0.05
    assert shortfall_p_value(0, 40, 1 / 3) < 1e-5


@pytest.mark.parametrize("total", [3, 300, 30_000, 3_000_000, 300_000_000])
@pytest.mark.parametrize("excess", [1.0, 1.5, 3.0])
def test_no_count_above_its_share_falls_short(total, excess):
    assert shortfall_p_value(round(excess * total / 3), total, 1 / 3) == 1


@pytest.mark.parametrize("total", [300, 30_000, 3_000_000, 300_000_000])
def test_shortfalls_are_found_in_any_number(total):
    assert shortfall_p_value(0, total, 1 / 3) == pytest.approx(0, abs=1e-40)
    assert shortfall_p_value(round(0.2 * total), total, 1 / 3) < 1e-3
    slightly_short = round(total / 3 - 0.1 * total**0.5)
    assert shortfall_p_value(slightly_short, total, 1 / 3) > 0.05


def test_a_shortfall_is_weighed_by_its_integral():
    shares = np.linspace(0, 0.3, 300_001)
    likelihood = shares**20 * (1 - shares) ** 80
    evidence = np.trapezoid(likelihood, shares) / 0.3 / likelihood[-1]
    assert shortfall_p_value(20, 100, 0.3) == pytest.approx(min(1 / evidence, 1), rel=1e-6)

"""Slices and points over time: the headline's estimator over the same users, and what pages show beside them."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from components.experiment.aggregate import LogSource, collect
from components.experiment.assignment import arm, user_hash
from components.experiment.look import evaluate
from components.experiment.plan import ExperimentPlan
from tests.components.experiment.log_rows import NOW, SETUP, SPLIT, START, exposure, outcome, write_shard

PLAN = ExperimentPlan(shares=(0.0, 0.5), minimum_users=5, dwell_seconds=0, revenue_cap_quantile=0.9)
USERS = [user_hash("secret", f"u{number}") for number in range(300)]


def make_logs(seed=1):
    """Users who come before and after the split, and see more monitors and fewer cables in treatment."""
    rng = np.random.default_rng(seed)
    exposures = []
    outcomes = []
    for number, user in enumerate(USERS):
        is_treated = arm(user, "e1", 0.5) == "treatment"
        spending = rng.lognormal(7, 1)
        for page in range(4):
            start = START if page == 0 else SPLIT
            time = start + timedelta(minutes=int(rng.integers(2, 58)))
            request_id = f"{number}-{page}"
            category = "monitors" if rng.random() < (0.6 if is_treated else 0.2) else "cables"
            query_class = ("head", "torso", "tail")[number % 3]
            exposures.append(exposure(request_id, user, time, category=category, query_class=query_class))
            if rng.random() < 0.4:
                order = {"revenue": int(spending * rng.uniform(0.9, 1.1)), "currency": "USD"}
                outcomes.append(outcome(request_id, "order", time=time, **order))
    return exposures, outcomes


@pytest.fixture(scope="module")
def logs():
    return make_logs()


@pytest.fixture(scope="module")
def result(logs, tmp_path_factory):
    folder = tmp_path_factory.mktemp("look")
    collect(LogSource(*write_shard(folder / "logs", (*logs, []))), SETUP, NOW, folder / "sums")
    return evaluate(folder, [folder / "sums"], SETUP, NOW, PLAN)


def test_the_last_point_over_time_is_the_headline(result):
    last = result.figures.over_time[-1]
    headline = result.figures.rpm_lift
    assert (last.estimate, last.low, last.high) == pytest.approx((headline.estimate, headline.low, headline.high))


def test_a_slice_of_everything_is_the_headline(result):
    slices = {part.slice: part for part in result.figures.slices if part.dimension == "locale"}
    assert slices["us"].rpm_lift.estimate == pytest.approx(result.figures.rpm_lift.estimate)
    assert slices["us"].exposures == result.evidence.used


def test_slices_are_properties_of_the_query(result):
    slices = [part for part in result.figures.slices if part.dimension == "query_class"]
    assert {part.slice for part in slices} == {"head", "torso", "tail"}
    assert sum(part.exposures for part in slices) == result.evidence.used
    assert {part.dimension for part in result.figures.slices} == {"query_class", "locale"}


def tabulate_users(exposures, outcomes):
    """Return a row a user with arm, exposures and revenue, of the experiment and of the pre-period."""
    pages = pd.DataFrame(exposures)
    rows = pd.DataFrame(outcomes)[["request_id", "revenue"]]
    pages = pages.merge(rows, on="request_id", how="left").fillna({"revenue": 0})
    pages["prefix"] = np.where(pages.time < SPLIT, "pre_", "")
    users = pages.groupby(["user_hash", "prefix"]).agg(exposures=("time", "size"), revenue=("revenue", "sum")).unstack()
    users.columns = [f"{prefix}{name}" for name, prefix in users.columns]
    return users.assign(arm=[arm(user, "e1", 0.5) for user in users.index]).fillna(0)


def linearise(rows, cap, pre_ratio):
    """Return an arm's values, whose mean is its RPM, and the covariates."""
    revenue = rows.revenue.clip(upper=cap)
    ratio = revenue.sum() / rows.exposures.sum()
    values = ratio + (revenue - ratio * rows.exposures) / rows.exposures.mean()
    return values, rows.pre_revenue.clip(upper=cap) - pre_ratio * rows.pre_exposures


def test_cuped_reports_what_pandas_computes(result, logs):
    users = tabulate_users(*logs)
    cap = users.revenue[users.revenue > 0].quantile(0.9)
    pre_ratio = users.pre_revenue.clip(upper=cap).sum() / users.pre_exposures.sum()
    arms = [linearise(rows, cap, pre_ratio) for _, rows in users.groupby("arm")]
    covariance = sum(np.cov(values, covariates)[0, 1] for values, covariates in arms)
    theta = covariance / sum(np.var(covariates, ddof=1) for _, covariates in arms)
    raw = sum(np.var(values, ddof=1) / len(values) for values, _ in arms)
    adjusted = sum(np.var(values - theta * covariates, ddof=1) / len(values) for values, covariates in arms)
    summary = result.figures.pre_period
    assert (summary.users_adjusted, summary.users) == (300, 300)
    assert summary.variance_reduction == pytest.approx(1 - adjusted / raw, rel=0.02)
    assert adjusted < raw


def test_a_shift_of_what_is_shown_is_reported(result, logs):
    pages = pd.DataFrame(logs[0])
    pages = pages[pages.time >= SPLIT]
    shares = pd.crosstab(pages.assigned_arm, pages.category, normalize="index")
    shift = {row.category: (row.control, row.treatment) for row in result.evidence.exposure_shift}
    assert shift["monitors"] == pytest.approx((shares.monitors["control"], shares.monitors["treatment"]))
    assert shift["cables"] == pytest.approx((shares.cables["control"], shares.cables["treatment"]))


def test_without_a_pre_period_nothing_is_adjusted(logs, tmp_path):
    exposures = [row for row in logs[0] if row["time"] >= SPLIT]
    setup = replace(SETUP, stages=SETUP.stages[1:])
    collect(LogSource(*write_shard(tmp_path / "logs", (exposures, logs[1], []))), setup, NOW, tmp_path / "sums")
    figures = evaluate(tmp_path, [tmp_path / "sums"], setup, NOW, replace(PLAN, shares=(0.5,))).figures
    assert (figures.pre_period.users_adjusted, figures.pre_period.variance_reduction) == (0, 0.0)

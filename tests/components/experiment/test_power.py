"""Plans: the computed power is that of simulated looks, the cost is what always-valid intervals are known to cost."""

import json

import numpy as np
import pytest
from gbstats.models.statistics import SampleMeanStatistic
from scipy.stats import norm

from components.experiment.intervals import Level, interval
from components.experiment.plan import TUNED
from components.experiment.power import Sequence, drift_of, main, users_needed

LOOKS = Sequence(looks=50, alpha=0.05)


def test_the_power_is_that_of_simulated_looks():
    rng, drift = np.random.default_rng(0), 3.5
    score = (rng.normal(size=(20_000, 50)) / np.sqrt(50) + drift / 50).cumsum(1)
    z = score / np.sqrt(np.arange(1, 51) / 50)
    assert LOOKS.power(drift) == pytest.approx((z > LOOKS.boundary()).any(1).mean(), abs=0.01)


def test_without_an_effect_hardly_anything_is_promoted():
    assert LOOKS.power(0.0) < 0.025


def test_the_horizon_is_at_most_1_6_times_a_fixed_one_and_on_average_less_is_needed():
    cost = Sequence(looks=100, alpha=0.05).cost(power=0.9)
    assert cost["mean"] < 1 < cost["at_most"] < 1.6


def test_users_follow_from_spread_and_lift():
    drift = LOOKS.drift(0.9)
    users = users_needed(0.02, 4.0, 0.9, LOOKS)
    assert users == pytest.approx(4 * (drift * 4.0 / 0.02) ** 2, rel=0.04)
    assert drift_of(0.02, 4.0, users) == pytest.approx(drift, rel=1e-4)
    assert drift > norm.ppf(0.975) + norm.ppf(0.9)


def test_the_command_prints_users_and_days_and_draws_the_curve(tmp_path, capsys):
    assert main(["--rpm", "50", "--lift", "1.42%", "--looks", "20", "--out", str(tmp_path)]) == 0
    said = json.loads(capsys.readouterr().out.split("power curve")[0])
    assert said["rpm_with_lift"] == pytest.approx(50.71) and said["users_on_average"] < said["users_at_most"]
    assert (tmp_path / "power.svg").exists()


def test_a_lift_of_nothing_is_refused(capsys):
    with pytest.raises(SystemExit):
        main(["--rpm", "50", "--lift", "0"])
    assert "above 0" in capsys.readouterr().err


def test_the_planned_boundary_is_the_one_that_the_intervals_keep_to():
    horizon, level = 100_000, Level(alpha=0.05, users=TUNED * 100_000)
    for look in (1, 10, 25, 50):
        half = horizon * look // LOOKS.looks // 2  # of an arm
        arm = SampleMeanStatistic(n=half, sum=0.5 * half, sum_squares=half)
        found = interval((arm, arm), "rs", level)
        error = (found["fixed_high"] - found["fixed_low"]) / 2 / norm.ppf(0.975)
        assert found["half_width"] / error == pytest.approx(LOOKS.boundary()[look - 1], rel=2e-3)

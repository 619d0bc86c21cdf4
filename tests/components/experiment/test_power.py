"""Plans: the computed power is that of simulated looks, the cost is what always-valid intervals are known to cost."""

import json

import numpy as np
import pytest
from gbstats.models.statistics import SampleMeanStatistic
from scipy.stats import norm

from components.experiment.intervals import Level, interval
from components.experiment.plan import TUNING_SHARE
from components.experiment.power import Sequence, expected_drift, main, users_needed

LOOKS = Sequence(looks=50, alpha=0.05)


def test_the_power_is_that_of_simulated_looks():
    rng = np.random.default_rng(0)
    drift = 3.5
    score = (rng.normal(size=(20_000, 50)) / np.sqrt(50) + drift / 50).cumsum(1)
    z = score / np.sqrt(np.arange(1, 51) / 50)
    assert LOOKS.power(drift) == pytest.approx((z > LOOKS.boundary()).any(1).mean(), abs=0.01)


def test_without_an_effect_hardly_anything_is_promoted():
    assert LOOKS.power(0.0) < 0.025


def test_sequential_looks_cost_at_most_1_6_times():
    cost = Sequence(looks=100, alpha=0.05).cost(power=0.9)
    assert cost["mean"] < 1 < cost["at_most"] < 1.6


def test_users_follow_from_spread_and_lift():
    drift = LOOKS.drift(0.9)
    users = users_needed(0.02, 4.0, 0.9, LOOKS)
    assert users == pytest.approx(4 * (drift * 4.0 / 0.02) ** 2, rel=0.04)
    assert expected_drift(0.02, 4.0, users) == pytest.approx(drift, rel=1e-4)
    assert drift > norm.ppf(0.975) + norm.ppf(0.9)


def test_the_command_prints_users_and_days(tmp_path, capsys):
    assert main(["--rpm", "50", "--lift", "1.42%", "--looks", "20", "--out", str(tmp_path)]) == 0
    result = json.loads(capsys.readouterr().out.split("power curve")[0])
    assert result["rpm_with_lift"] == pytest.approx(50.71)
    assert result["users_on_average"] < result["users_at_most"]
    assert (tmp_path / "power.svg").exists()


def test_a_lift_beyond_the_default_plan_is_named(capsys):
    """In the plan's 2 million users 90% power is for lifts above 2.35%."""
    main(["--rpm", "50", "--lift", "1.42%"])
    warning = capsys.readouterr().err
    assert "the default plan ends at 2,000,000 users, and this lift needs 5,388,149, 108 days" in warning
    assert "lifts from 2.35% on" in warning
    main(["--rpm", "50", "--lift", "2.36%"])
    assert not capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--lift", "0"], "--lift is 0: give a number above 0"),
        (["--rpm", "-5"], "--rpm is -5: give a number above 0"),
        (["--spread", "nan"], "--spread is nan: give a number above 0"),
        (["--power", "90"], "--power is 90: give a number between 0 and 1, or percent"),
    ],
)
def test_numbers_out_of_range_are_refused(capsys, options, sentence):
    with pytest.raises(SystemExit):
        main(["--rpm", "50", *options])
    assert f"error: {sentence}\n" in capsys.readouterr().err


def test_every_option_of_power_has_help(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    text = " ".join(capsys.readouterr().out.split())
    assert "valid at every look" in text and "probability to find the lift (default 90%)" in text
    assert "how often one looks at most (default 100)" in text


def test_intervals_use_the_planned_boundary():
    horizon = 100_000
    level = Level(alpha=0.05, users=TUNING_SHARE * horizon)
    for look in (1, 10, 25, 50):
        half = horizon * look // LOOKS.looks // 2  # of an arm
        arm = SampleMeanStatistic(n=half, sum=0.5 * half, sum_squares=half)
        lift = interval((arm, arm), level, "absolute")
        error = (lift.fixed_high - lift.fixed_low) / 2 / norm.ppf(0.975)
        assert lift.half_width / error == pytest.approx(LOOKS.boundary()[look - 1], rel=2e-3)

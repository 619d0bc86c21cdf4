"""How long a run still takes follows from the steps that ended, and from this machine's pace."""

import pytest

from pipelines.local.time_left import EXPECTED, describe_seconds, seconds_left
from pipelines.profiles import load_profile

QUICK = EXPECTED["quick"]


def test_before_the_first_step_all_is_left():
    assert seconds_left("quick", []) == pytest.approx(sum(QUICK.values()) / 2)


def test_a_slow_machine_takes_longer():
    steps = [("start teacher", QUICK["start teacher"] / 2 * 3, False)]
    rest = (sum(QUICK.values()) - QUICK["start teacher"]) / 2
    assert 1.5 * rest < seconds_left("quick", steps) < 3 * rest


def test_cached_steps_tell_no_pace():
    steps = [("start teacher", 0.0, True)]
    assert seconds_left("quick", steps) == pytest.approx((sum(QUICK.values()) - QUICK["start teacher"]) / 2)


def test_after_the_last_step_nothing_is_left():
    assert seconds_left("quick", [(title, 1.0, False) for title in QUICK]) == 0


def test_every_interleaved_look_is_foreseen():
    profile = load_profile("quick")
    users = profile.traffic.users
    new_users = users - users // 2  # of each later phase
    looks = 1 + -(-(profile.plan.interleaved_horizon_users - users) // new_users)
    phases = {f"shoppers, look {look}" for look in range(1, looks + 1)}
    assert looks == 3 and {title for title in QUICK if title.startswith("shoppers, look")} == phases


def test_of_an_unknown_profile_nothing_is_said():
    assert seconds_left("paper", []) is None


@pytest.mark.parametrize(("seconds", "text"), [(3, "10 s"), (44, "40 s"), (89, "90 s"), (200, "3 min")])
def test_durations_are_round(seconds, text):
    assert describe_seconds(seconds) == text

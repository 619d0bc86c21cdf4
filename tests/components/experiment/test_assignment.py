"""Which arm a user is in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.experiment.assignment import arm, draw, draw_all, is_interleaved, user_hash

USERS = [user_hash("secret", f"u{number:06d}") for number in range(4000)]


def test_a_user_hash_depends_on_secret_and_user():
    assert len(user_hash("secret", "u1")) == 16
    assert len({user_hash("secret", "u1"), user_hash("secret", "u2"), user_hash("other", "u1")}) == 3


def test_an_empty_secret_is_refused():
    with pytest.raises(ValueError, match="BROADFAST_USER_HASH_SECRET"):
        user_hash("", "u1")


def test_extreme_shares_put_everybody_in_one_arm():
    assert {arm(user, "salt", 0.0) for user in USERS} == {"control"}
    assert {arm(user, "salt", 1.0) for user in USERS} == {"treatment"}


def test_half_of_the_users_are_treated_at_half():
    count = sum(arm(user, "salt", 0.5) == "treatment" for user in USERS)
    assert abs(count - 2000) < 4 * 32  # four standard deviations


def test_two_experiments_split_the_users_independently():
    count = sum(arm(user, "one", 0.5) == arm(user, "two", 0.5) for user in USERS)
    assert abs(count - 2000) < 4 * 32


def test_interleaved_users_are_in_both_arms_alike():
    interleaved = [user for user in USERS if is_interleaved(user, 0.25)]
    assert abs(len(interleaved) - 1000) < 4 * 28
    count = sum(arm(user, "salt", 0.5) == "treatment" for user in interleaved)
    assert abs(count - len(interleaved) / 2) < 4 * 16


def test_many_draws_are_those_of_each_user():
    assert list(draw_all(USERS[:100], "salt")) == [draw(user, "salt") for user in USERS[:100]]


@given(st.binary(min_size=16, max_size=16), st.floats(0, 1), st.floats(0, 1))
def test_a_growing_share_moves_nobody_out_of_treatment(user, share, other_share):
    low, high = sorted((share, other_share))
    assert (arm(user, "salt", low), arm(user, "salt", high)) != ("treatment", "control")

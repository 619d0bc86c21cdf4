"""A wait ends when its value holds, or when its time is up."""

from components.waiting import wait_until


def test_the_first_value_that_holds_is_returned():
    numbers = iter(range(10))
    assert wait_until(lambda: next(numbers), lambda number: number == 3, timeout_s=5, pause_s=0.001) == 3


def test_the_last_value_is_returned_after_time():
    assert wait_until(lambda: "starting", lambda state: state == "ready", timeout_s=0.01, pause_s=0.002) == "starting"

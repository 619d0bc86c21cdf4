"""Waiting for another process or service, with an end."""

from collections.abc import Callable
from typing import TypeVar

from tenacity import Retrying, retry_if_not_result, stop_after_delay, wait_fixed

Value = TypeVar("Value")


def wait_until(
    read: Callable[[], Value], holds: Callable[[Value], bool], timeout_s: float, pause_s: float = 0.5
) -> Value:
    """Read until the value holds, and return the last value read.

    After `timeout_s` seconds the value is returned although it does not hold: the caller says what is wrong.
    """
    return Retrying(
        retry=retry_if_not_result(holds),
        stop=stop_after_delay(timeout_s),
        wait=wait_fixed(pause_s),
        retry_error_callback=lambda state: state.outcome.result(),
    )(read)

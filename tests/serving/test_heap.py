"""The heap of a server: what it loaded costs no later collection anything."""

import gc
import time

import pytest

from serving.heap import freeze_heap

pytestmark = pytest.mark.slow  # fills a heap


@pytest.fixture
def loaded():
    yield [[number] for number in range(500_000)]
    gc.unfreeze()


def time_collection():
    begin = time.process_time()
    gc.collect()
    return time.process_time() - begin


def test_what_is_loaded_is_not_walked_again(loaded):
    before = min(time_collection() for _ in range(3))
    freeze_heap()
    after = min(time_collection() for _ in range(3))
    assert gc.get_freeze_count() >= len(loaded)
    assert after < before / 3


def test_later_cycles_are_still_collected(loaded):
    freeze_heap()
    cycle = []
    cycle.append(cycle)
    del cycle
    assert gc.collect() >= 1

"""A run's cost counts all of its processes, and shared memory once."""

import os
import sys
import time

import psutil
import pytest

from pipelines.local.resource_usage import (
    ResourceUsage,
    cpu_seconds,
    proportional_bytes,
    resident_bytes,
    sum_bytes,
)

MEGABYTE = 1 << 20


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not tell what is shared")
def test_shared_memory_counts_once():
    block = bytearray(os.urandom(64 * MEGABYTE))
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.read(reader, 1)
        os._exit(len(block) % 2)
    processes = [psutil.Process(), psutil.Process(child)]
    resident = sum_bytes(processes, resident_bytes)
    proportional = sum_bytes(processes, proportional_bytes)
    os.write(writer, b"x")
    os.waitpid(child, 0)
    assert resident - proportional > 60 * MEGABYTE


def test_the_peak_stays_when_memory_is_given_back():
    usage = ResourceUsage()
    block = bytearray(os.urandom(64 * MEGABYTE))
    deadline = time.monotonic() + 20
    while not usage.peak_bytes and time.monotonic() < deadline:
        time.sleep(0.05)
    peak = usage.peak_bytes
    del block
    usage.stop.set()
    usage.thread.join()
    assert peak > 64 * MEGABYTE and usage.peak_bytes >= peak


def test_processor_time_grows():
    before = sum(cpu_seconds())
    end = time.process_time() + 0.1
    while time.process_time() < end:
        pass
    assert sum(cpu_seconds()) > before

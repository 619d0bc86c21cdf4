"""What a run costs: CPU seconds of the whole process tree, and the highest sum of its memory."""

import contextlib
import os
import resource
import threading
import time
from collections.abc import Callable, Iterator, Sequence

import psutil

SAMPLE_SECONDS = 1.0
MEASURE_SECONDS = 10.0  # adding up what is shared costs a tenth of a second for two gigabytes


class ResourceUsage:
    """Samples the memory of the process tree.

    A page that several processes share, as forked steps do their server's, counts once.
    """

    def __init__(self):
        self.start = time.monotonic()
        self.peak_bytes = 0
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.sample, daemon=True)
        self.thread.start()

    def sample(self) -> None:
        """Keep the highest sum seen, until stopped."""
        this = psutil.Process()
        most_resident = 0
        last_time = 0.0
        while not self.stop.wait(SAMPLE_SECONDS):
            processes = [this, *this.children(recursive=True)]
            resident = sum_bytes(processes, resident_bytes)
            if resident <= self.peak_bytes:  # there can be no new peak
                continue
            if resident > most_resident or time.monotonic() - last_time > MEASURE_SECONDS:
                most_resident = max(most_resident, resident)
                last_time = time.monotonic()
                self.peak_bytes = max(self.peak_bytes, sum_bytes(processes, proportional_bytes))

    def read(self) -> dict:
        """Return wall and CPU seconds, peak memory and load average so far."""
        return {
            "wall_seconds": round(time.monotonic() - self.start, 1),
            "cpu_seconds": round(sum(cpu_seconds()), 1),
            "peak_memory_gb": round(self.peak_bytes / 2**30, 2),
            "load_average": os.getloadavg()[0],
        }


def sum_bytes(processes: Sequence[psutil.Process], measure: Callable[[psutil.Process], int]) -> int:
    """Add up a measure of the processes that still run."""
    total = 0
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess, psutil.ZombieProcess, psutil.AccessDenied):
            total += measure(process)
    return total


def resident_bytes(process: psutil.Process) -> int:
    """Return a process's memory with all that it shares."""
    return process.memory_info().rss


def proportional_bytes(process: psutil.Process) -> int:
    """Return a process's memory with its part of what it shares, where known."""
    memory = process.memory_full_info()
    return getattr(memory, "pss", memory.rss)


def cpu_seconds() -> Iterator[float]:
    """Yield CPU seconds of this process, of its ended children and of its running ones."""
    for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN):
        yield sum(resource.getrusage(who)[:2])
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
            times = process.cpu_times()
            yield times.user + times.system + times.children_user + times.children_system

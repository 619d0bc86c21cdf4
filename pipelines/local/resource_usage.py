"""What a run costs: CPU seconds of the whole process tree, and the highest sum of its resident memory."""

import contextlib
import os
import resource
import threading
import time

import psutil


class Meter:
    """Samples the tree's memory twice a second until stopped. Shared pages count once a process: an upper bound."""

    def __init__(self):
        self.began, self.peak_bytes, self.stopped = time.monotonic(), 0, threading.Event()
        self.thread = threading.Thread(target=self.sample, daemon=True)
        self.thread.start()

    def sample(self) -> None:
        """Keep the highest sum seen."""
        this = psutil.Process()
        while not self.stopped.wait(0.5):
            total = 0
            for process in [this, *this.children(recursive=True)]:
                with contextlib.suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
                    total += process.memory_info().rss
            self.peak_bytes = max(self.peak_bytes, total)

    def figures(self) -> dict:
        """Wall seconds, CPU seconds of this process, its ended and its running children, peak memory, load average."""
        cpu = sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        for process in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
                times = process.cpu_times()
                cpu += times.user + times.system + times.children_user + times.children_system
        return {
            "wall_seconds": round(time.monotonic() - self.began, 1),
            "cpu_seconds": round(cpu, 1),
            "peak_memory_gb": round(self.peak_bytes / 2**30, 2),
            "load_average": os.getloadavg()[0],
        }

"""Processes, each on a core of its own, as many at once as there are cores; what is there is not made again."""

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from queue import Queue


def on_cores(jobs: list[tuple[Path, list]]) -> None:
    """Run `python -m MODULE ARGUMENTS` for every result that is not there yet."""
    free: Queue[int] = Queue()
    for core in sorted(os.sched_getaffinity(0)):
        free.put(core)

    def one(place: Path, command: list) -> None:
        if place.exists():
            return
        core = free.get()
        try:
            worker(*command, core=core)
        finally:
            free.put(core)

    with ThreadPoolExecutor(free.qsize()) as cores:
        for ended in [cores.submit(one, *job) for job in jobs]:
            ended.result()


def worker(module: str, *arguments, core: int | None = None) -> str:
    """Run one part in a process of its own, on one core or on all; what it printed.

    Raises:
        RuntimeError: it failed, with its last words.
    """
    print(f"{datetime.now():%H:%M:%S} {module} {' '.join(map(str, arguments))}", file=sys.stderr, flush=True)
    began = time.monotonic()
    command = [sys.executable, "-m", module, *map(str, arguments)]
    bound = {} if core is None else {"OMP_NUM_THREADS": "1", "VLLM_CPU_OMP_THREADS_BIND": str(core)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | bound)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stderr[-3000:]}")
    print(f"  {module}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    return done.stdout

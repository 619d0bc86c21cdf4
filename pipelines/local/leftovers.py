"""Finds and ends the processes that a killed run left behind."""

import contextlib
import operator
import os
import sys
from pathlib import Path

import psutil

from components.waiting import wait_until

HOME = "BROADFAST_HOME"  # every process of a run carries it in its environment
SECONDS_TO_END = 10


def end_leftovers(home: Path) -> None:
    """Kill what an earlier run left running, and wait until it is gone."""
    leftovers = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.AccessDenied, psutil.NoSuchProcess, psutil.ZombieProcess):
            if process.pid != os.getpid() and belongs_to_run(process, home):
                process.kill()
                leftovers.append(process)
    wait_until(lambda: any(map(is_alive, leftovers)), operator.not_, SECONDS_TO_END, pause_s=0.05)


def is_alive(process: psutil.Process) -> bool:
    """Return whether a process still holds its files and ports."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def belongs_to_run(process: psutil.Process, home: Path) -> bool:
    """Return whether a process was started by a run in this folder.

    Some servers wipe their environment; their arguments name the folder then.
    """
    process_home = process.environ().get(HOME)
    if process_home is not None:
        return process_home == str(home)
    command = process.cmdline()
    return bool(command) and command[0] == sys.executable and any(f"{home}{os.sep}" in word for word in command)

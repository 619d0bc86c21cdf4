"""What a machine needs to have, checked before anything is installed or started: in one sentence each.

It imports nothing that is to be installed: `python3.11 -m pipelines.local.requirements`.
"""

import os
import platform
import shutil
import sys
from pathlib import Path

PYTHON = (3, 11)
GLIBC = (2, 28)  # of the wheels of torch, Arrow and ONNX Runtime
INSTALLATION_GB = 6  # where the index has torch with CUDA's libraries; 3.5 with a CPU build
CONTAINER = "or use the container of docs/quick-start.md"
MEMINFO = Path("/proc/meminfo")
CGROUP = Path("/sys/fs/cgroup")


def check_system() -> None:
    """Check interpreter and C library.

    Raises:
        RuntimeError: one is not what the wheels are built for.
    """
    if sys.version_info[:2] != PYTHON:
        raise RuntimeError(f"this is Python {platform.python_version()}, and 3.11 is needed; install it, {CONTAINER}")
    if sys.platform != "linux":
        raise RuntimeError(f"this is {platform.system()}, and a run's servers are Linux programs; {CONTAINER[3:]}")
    library, version = platform.libc_ver()
    if library != "glibc" or read_version(version) < GLIBC:
        name = f"{library} {version}".strip() or "another C library"
        raise RuntimeError(f"this Python uses {name}, and glibc 2.28 or newer is needed; {CONTAINER[3:]}")


def read_version(text: str) -> tuple[int, ...]:
    """Return a version's numbers."""
    return tuple(int(part) for part in text.split(".") if part.isdigit())


def check_memory(needed_gb: float) -> None:
    """Check that a run's memory is free.

    Raises:
        RuntimeError: too little is.
    """
    free_gb = free_memory_gb()
    if free_gb is not None and free_gb < needed_gb:
        sizes = f"{free_gb:.1f} GB of memory are free, and a run takes up to {needed_gb:g} GB"
        raise RuntimeError(f"{sizes}; end other programs, or choose a smaller --profile")


def free_memory_gb() -> float | None:
    """Return what system and container leave, or None where the system does not tell."""
    if not MEMINFO.exists():
        return None
    lines = dict(line.split(":", 1) for line in MEMINFO.read_text().splitlines())
    free = int(lines["MemAvailable"].split()[0]) * 1024
    limit = CGROUP / "memory.max"
    if limit.exists() and limit.read_text().strip().isdigit():
        free = min(free, int(limit.read_text()) - int((CGROUP / "memory.current").read_text()))
    return free / 1e9


def check_disk(folder: Path, needed_gb: float, remedy: str) -> None:
    """Check that files fit on the disk, where writing would fail only after minutes.

    Raises:
        RuntimeError: too little is free.
    """
    free_gb = shutil.disk_usage(folder).free / 1e9
    if free_gb < needed_gb:
        sizes = f"{free_gb:.1f} GB are free on the disk of {folder}, and up to {needed_gb:g} GB are needed"
        raise RuntimeError(f"{sizes}; {remedy}")


def main() -> None:
    """Check what an installation needs, and exit with 1 where it is missing."""
    try:
        check_system()
        check_disk(Path.cwd(), INSTALLATION_GB, "free some, or clone to another disk")
    except RuntimeError as error:
        sys.exit(f"stopped: {error}")
    print(f"Python {platform.python_version()}, glibc {platform.libc_ver()[1]}, {os.cpu_count()} cores: fine")


if __name__ == "__main__":
    main()

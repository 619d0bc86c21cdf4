"""A file system of a few megabytes, where this process may mount one."""

import subprocess
from contextlib import contextmanager
from pathlib import Path

SIZE = "2m"


@contextmanager
def small_disk(folder: Path, size: str = SIZE):
    """Mount a file system of this size and yield its folder.

    Yields None where mounting is refused.
    """
    folder.mkdir(exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    is_mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0
    try:
        yield folder if is_mounted else None
    finally:
        if is_mounted:
            subprocess.run(["umount", "-l", str(folder)], check=True)

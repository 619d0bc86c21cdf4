"""A process of the laptop that is followed to its end, with its progress shown."""

import json
import time

from pipelines.local.processes import Laptop
from pipelines.local.progress import PROGRESS, Steps


def follow_process(laptop: Laptop, name: str, command: list[str], steps: Steps) -> dict:
    """Run a process to its end with its progress shown, and return its answer.

    The answer is its last line, as JSON.

    Raises:
        RuntimeError: the process failed; with its last line and its log.
    """
    process = laptop.start(name, command)
    log = laptop.logs / f"{name}.log"
    begin = log.stat().st_size
    while process.poll() is None:
        time.sleep(0.5)
        if matches := PROGRESS.findall(log.read_text(errors="replace")[begin:]):
            count, total, what = matches[-1]
            steps.show_progress(int(count), int(total), what)
    del laptop.processes[name]
    lines = log.read_text(errors="replace").strip().splitlines()
    if process.returncode:
        raise RuntimeError(f"{name} failed: {lines[-1] if lines else 'no output'}; its log: {log}")
    return json.loads(lines[-1])

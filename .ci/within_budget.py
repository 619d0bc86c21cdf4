"""Run a command and fail when it took more CPU time than its budget: `within_budget.py NAME COMMAND...`.

A budget is in CPU seconds of the command's process tree / 2, on a quiet machine that does the reference task in the
seconds noted beside it. A slower machine has more in proportion, and half as much again is taken for noise.
"""

import json
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

BUDGETS = Path(__file__).with_name("budgets.json")
CORES = 2
NOISE = 1.5  # seconds grow where other work shares a core's units, and a processor lacks another's instructions
REPEATS = 3


def reference_seconds() -> float:
    """Return the CPU seconds of a fixed task of plain Python, the least of three."""
    return min(measure_reference_task() for _ in range(REPEATS))


def measure_reference_task() -> float:
    """Return the CPU seconds of building and sorting 200,000 texts."""
    start = time.process_time()
    texts = {str(number * 7919 % 200_000): number for number in range(200_000)}
    sorted(texts, key=lambda text: (len(text), text))
    return time.process_time() - start


def main(arguments: Sequence[str]) -> int:
    """Run, compare and say how much of the budget was used."""
    name, *command = arguments
    budgets = json.loads(BUDGETS.read_text())
    slowness = max(1.0, reference_seconds() / budgets["reference_seconds"])
    start = time.monotonic()
    status = subprocess.run(command, check=False).returncode
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = (usage.ru_utime + usage.ru_stime) / CORES
    ratio = seconds / (budgets["cpu_seconds_per_core"][name] * slowness)
    wall = time.monotonic() - start
    print(f"{name}: {wall:.0f} s; {seconds:.0f} CPU seconds a core, {ratio:.0%} of the budget here", flush=True)
    if status == 0 and ratio > NOISE:
        print(
            f"{name} took more CPU time than {BUDGETS.name} allows: see the slowest tests above, make them cheaper, or "
            "raise the budget in a commit that says why",
            file=sys.stderr,
        )
        return 1
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

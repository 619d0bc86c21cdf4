"""Write what each step of a run took: `python -m bench.night.steps RUN_FOLDER NIGHT_FOLDER`.

RUN_FOLDER is a finished run's (runs/latest), NIGHT_FOLDER what its night left (runs/state/kfp/retrain-...).
They go to bench/results/steps.json, from where docs and the requests of the steps on a cluster are taken.
"""

import json
import sys
from pathlib import Path

from bench.figures import show, slug, write_results
from bench.night.measure import count_night
from pipelines.titles import title

SHOPPERS = "shoppers"  # the laptop's simulation: no step of a pipeline
LEAST_BYTES = 5e4  # less is a table or a report


def read_steps(summary: dict) -> dict[str, dict[str, float]]:
    """Return the most CPU seconds and memory in GB of each step, by its title; looks repeat theirs."""
    steps: dict[str, dict[str, float]] = {}
    for step in summary["steps"]:
        if step["title"].startswith(SHOPPERS):
            continue
        most = steps.setdefault(slug(step["title"]), {"cpu_seconds": 0.0, "memory_gb": 0.0})
        for name in most:
            most[name] = max(most[name], step[name])
    return steps


def measure(run_folder: Path, night_folder: Path) -> dict[str, dict[str, float]]:
    """Return CPU seconds, GB of memory and MB of artifacts by step.

    Raises:
        ValueError: one of the folders does not hold what it should.
    """
    path = run_folder / "summary.json"
    if not path.exists():
        raise ValueError(f"{path} is missing: give the folder of a finished run, as runs/latest")
    steps = read_steps(json.loads(path.read_text()))
    for name, size in count_night(night_folder).items():
        step = steps.get(slug(title(name)))
        if step and size >= LEAST_BYTES:
            step["artifacts_mb"] = round(size / 1e6, 1)
    return steps


def main(arguments: list[str]) -> int:
    """Measure, print, and write bench/results/steps.json."""
    if len(arguments) != 2:
        print(__doc__)
        return 2
    try:
        steps = measure(Path(arguments[0]), Path(arguments[1]))
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    most = {"most_memory_gb": max(step["memory_gb"] for step in steps.values())}
    write_results("steps", steps | most, "one night and one experiment of the profile quick, by step")
    show("what each step took", steps)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Count the bytes that a run's night left: `python -m bench.night.measure HOME [BEFORE]`.

HOME is the home of a run of the profile smoke with one night; BEFORE is that of the same run by an earlier build.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.figures import RESULTS, show, write_results
from bench.night.adapters import ADAPTERS, adapter_bytes
from bench.storage import laptop_with_storage
from components import storage
from components.blobs import PREFIX as BLOBS
from components.settings import Settings

KINDS = {  # steps by what they leave
    "teacher": ("start-teacher", "fine-tune", "optimise-preferences"),
    "packages": ("package-student", "package-student-2", "choose-student", "baseline-package"),
    "students": ("train-student", "train-student-2"),
}
RESULT = "executor_output.json"  # of kfp itself


def count_artifacts(home: Path) -> Counter:
    """Count the bytes that the newest night's steps left in Kubeflow's store, by step."""
    runs = sorted((home / "state" / "kfp").glob("retrain-*"))
    if not runs:
        raise ValueError(f"{home} holds no night: make smoke RUN='--home {home}' runs one")
    return count_night(runs[-1])


def count_night(folder: Path) -> Counter:
    """Count the bytes that the steps of the night in a folder left, by step."""
    counts: Counter = Counter()
    for path in folder.rglob("*"):
        if path.is_file() and path.name != RESULT:
            counts[path.relative_to(folder).parts[0]] += path.stat().st_size
    return counts


def count_bucket(home: Path) -> Counter:
    """Count the bytes of the platform's bucket, by the first part of the names."""
    counts: Counter = Counter()
    with TemporaryDirectory() as logs, laptop_with_storage(home / "state", Path(logs)):
        for entry in storage.list_objects(Settings().s3_bucket, ""):
            counts[entry.object_name.split("/")[0]] += entry.size
    return counts


def night_figures(home: Path) -> dict[str, float]:
    """Return the megabytes of a night's artifacts by kind, with the changed tensors that they name."""
    artifacts = count_artifacts(home)
    bucket = count_bucket(home)
    figures = {f"{kind}_mb": sum(artifacts[step] for step in steps) / 1e6 for kind, steps in KINDS.items()}
    total = artifacts.total() + bucket[BLOBS]
    figures["teacher_mb"] += bucket[BLOBS] / 1e6
    figures["tables_and_reports_mb"] = total / 1e6 - sum(figures.values())
    figures["night_artifacts_mb"] = total / 1e6
    figures["registry_mb"] = bucket["packages"] / 1e6
    figures["home_mb"] = sum(path.stat().st_size for path in home.rglob("*") if path.is_file()) / 1e6
    return {name: round(value, 1) for name, value in figures.items()}


def measure(home: Path, before: Path | None) -> dict[str, float]:
    """Return a night's figures, beside those of an earlier build where there are any."""
    figures = night_figures(home)
    if before:
        earlier = night_figures(before)
        figures |= {f"{name}_before": value for name, value in earlier.items()}
        ratio = figures["night_artifacts_mb"] / earlier["night_artifacts_mb"]
        figures["night_artifacts_over_before"] = round(ratio, 3)
    return figures | {"adapters_14b_gb": round(ADAPTERS * adapter_bytes() / 1e9, 2)}


def main(arguments: Sequence[str]) -> int:
    """Measure, print, and write bench/results/night.json."""
    parser = argparse.ArgumentParser(prog="python -m bench.night.measure", description=__doc__)
    parser.add_argument("home", type=Path, help="of a run with one night")
    parser.add_argument("before", type=Path, nargs="?", help="of the same run by an earlier build")
    options = parser.parse_args(arguments)
    try:
        figures = measure(options.home, options.before)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    write_results("night", figures, "one night of the profile smoke, bytes of files by step", RESULTS)
    show("what a night leaves, in MB", figures)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

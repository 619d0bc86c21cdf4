"""Measure whole runs of the laptop and the quick profile in turn: `python -m bench.loop.measure --help`."""

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from bench.figures import flatten, show, slug, write_results

PROFILES = ("laptop", "quick")
POLL_SECONDS = 0.2
HERE = Path("runs/bench/loop")

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def bench(
    folder: Annotated[Path, typer.Option(help="Where the runs lie; what lies there is removed first.")] = HERE,
    profiles: Annotated[str, typer.Option(help="Profiles to run, one after the other.")] = ",".join(PROFILES),
) -> None:
    """Run each profile from nothing and the last one again, and write bench/results/loop.json.

    Takes as long as the runs: about an hour on two cores. Run it alone.
    """
    figures = {}
    names = profiles.split(",")
    for profile in names:
        home = folder / profile
        shutil.rmtree(home, ignore_errors=True)
        first_picture = run(profile, home)
        figures[profile] = describe_run(home) | {"seconds_to_first_picture": first_picture}
    run(names[-1], folder / names[-1])
    figures["second_run"] = describe_cost(read_summary(folder / names[-1]))
    figures |= compare(figures)
    measured_on = f"the profiles {' and '.join(names)}, one after the other, each from an empty home"
    print(write_results("loop", figures, measured_on))
    show("whole runs", dict(flatten(figures)))


def run(profile: str, home: Path) -> float | None:
    """Run a profile to its end, and return the seconds until its page could be opened.

    Raises:
        RuntimeError: the run failed.
    """
    home.mkdir(parents=True, exist_ok=True)
    before = set(home.glob("*/report.html"))
    command = [sys.executable, "-m", "pipelines.local.run", "--profile", profile, "--home", str(home)]
    start = time.monotonic()
    first_picture = None
    with subprocess.Popen(command) as process:
        while process.poll() is None:
            if first_picture is None and set(home.glob("2*/report.html")) - before:
                first_picture = round(time.monotonic() - start, 1)
            time.sleep(POLL_SECONDS)
    if process.returncode:
        raise RuntimeError(f"the profile {profile} ended with exit code {process.returncode}: see {home / 'latest'}")
    return first_picture


def read_summary(home: Path) -> dict:
    """Return the summary of a home's newest run."""
    return json.loads((home / "latest" / "summary.json").read_text())


def describe_run(home: Path) -> dict:
    """Return what a run cost, by step, what it left on the disk, and what it decided."""
    summary = read_summary(home)
    seconds: dict[str, float] = {}
    cpu_seconds: dict[str, float] = {}
    memory: dict[str, float] = {}
    for step in summary["steps"]:  # looks repeat theirs
        name = slug(step["title"])
        seconds[name] = round(seconds.get(name, 0.0) + step["seconds"], 1)
        cpu_seconds[name] = round(cpu_seconds.get(name, 0.0) + step["cpu_seconds"], 1)
        memory[name] = max(memory.get(name, 0.0), step["memory_gb"])
    figures = describe_cost(summary) | {"files_mb": count_megabytes(home), "decision": summary["decision"]}
    figures["users"] = sum(shoppers["users"] for name, shoppers in summary["shoppers"].items() if "look" in name)
    return figures | {"seconds": seconds, "cpu_seconds_by_step": cpu_seconds, "memory_gb_by_step": memory}


def describe_cost(summary: dict) -> dict:
    """Return wall and CPU seconds, memory at its highest, and what else ran."""
    cost = {name: summary["cost"][name] for name in ("wall_seconds", "cpu_seconds", "peak_memory_gb", "load_average")}
    return cost | {"minutes": round(cost["wall_seconds"] / 60, 1), "load_average": round(cost["load_average"], 1)}


def count_megabytes(folder: Path) -> int:
    """Return the size of all files below a folder, each counted once."""
    sizes = {}
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():  # a file may have several names
            status = path.stat()
            sizes[status.st_dev, status.st_ino] = status.st_blocks * 512
    return round(sum(sizes.values()) / 1e6)


def compare(figures: dict) -> dict:
    """Return how much of the laptop profile's cost the quick one takes, where both ran."""
    if not set(PROFILES) <= figures.keys():
        return {}
    laptop, quick = (figures[profile] for profile in PROFILES)
    return {
        "ratio_cpu": round(quick["cpu_seconds"] / laptop["cpu_seconds"], 3),
        "ratio_wall": round(quick["wall_seconds"] / laptop["wall_seconds"], 3),
        "seconds_to_first_picture": quick["seconds_to_first_picture"],
    }


if __name__ == "__main__":
    app()

"""Measure the experiment: `python -m bench.experiment.measure --help`.

What has been measured is kept below runs/bench/experiment: the same command goes on where it was.
"""

import json
import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import psutil
import typer

from bench.experiment.logs import BEGAN, EXPERIMENT, write_logs
from bench.experiment.streams import promises
from bench.figures import describe_machine, once, show, write_results
from bench.storage import laptop_with_storage
from components import storage
from components.release_state import Experiment
from components.release_store import update_state

HERE = Path("runs/bench")
USERS = 1_000_000
SIZES = {"1m": 1_000_000, "10m": 10_000_000, "100m": 100_000_000}
SIDE_BY_SIDE = 30_000_000  # exposures: what pandas can hold in half of this machine's memory

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def bench(
    largest: Annotated[str, typer.Option(help="The most exposures to go to: 1m, 10m or 100m.")] = "100m",
    runs: Annotated[int, typer.Option(help="Random runs of the release's state machine.")] = 10_000,
) -> None:
    """Analyse 1, 10 and 100 million exposures on S3; pandas and one DuckDB query beside; A/A and A/B streams.

    About 25 minutes on two cores, most of it for making the logs and for the streams.
    """
    folder = HERE / "experiment"
    folder.mkdir(parents=True, exist_ok=True)
    figures = {"measured": datetime.now(UTC).isoformat(timespec="seconds"), "machine": describe_machine()}
    for name in list(SIZES)[: list(SIZES).index(largest) + 1]:
        figures |= once(folder / f"{name}.json", lambda name=name: of_size(folder, name))
    figures |= once(folder / "peers.json", lambda: beside_peers(folder))
    figures |= once(folder / "streams.json", promises)
    figures |= once(folder / "invariants.json", lambda: invariants(runs))
    (HERE / "experiment.json").write_text(json.dumps(figures, indent=1))
    write_results(
        "experiment",
        figures,
        "simulated logs of a million users on S3 as Parquet; A/A and A/B streams with heavy-tailed revenue",
    )
    show("the experiment", figures)


def of_size(folder: Path, name: str) -> dict:
    """A look at so many exposures that lie on S3: CPU seconds of everything that takes part over 2, and memory."""
    logs = folder / f"logs-{SIZES[name]}"
    print(f"making {SIZES[name]:,} exposures", file=sys.stderr, flush=True)
    write_logs(logs, SIZES[name], USERS)
    with laptop_with_storage(folder / f"state-{name}", folder) as machine:
        for kind in ("exposures", "outcomes"):
            storage.put_folder(logs / kind, f"logs/{kind}/date={BEGAN:%Y-%m-%d}/hour=00/part=00")
        running = Experiment.from_json(EXPERIMENT)
        update_state(lambda state: replace(state, stable="v1", candidate="v2", experiment=running), "bench")
        said = json.loads(asked("look", str(folder / f"sums-{name}"), servers=machine.processes.values()))
    return {
        f"seconds_{name}": said["seconds"],
        f"wall_seconds_{name}": said["wall"],
        f"peak_gb_{name}": said["peak_gb"],
        f"exposures_{name}": said["exposures"],
        f"lift_{name}": said["lift"],
        f"verdict_{name}": said["verdict"],
    }


def asked(what: str, *arguments: str, servers=()) -> str:
    """Run one part in a process of its own; the servers' CPU time while it ran is counted in."""
    before = sum(map(cpu_of, servers))
    command = [sys.executable, "-m", "bench.experiment.part", what, *arguments]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    said = json.loads(done.stdout.splitlines()[-1])
    said["seconds"] = round((said["cpu"] + sum(map(cpu_of, servers)) - before) / 2, 2)
    return json.dumps(said)


def cpu_of(process: subprocess.Popen) -> float:
    """CPU seconds of a process and its children so far."""
    tree = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
    return sum(one.cpu_times().user + one.cpu_times().system for one in tree)


def beside_peers(folder: Path) -> dict:
    """The same analysis by pandas and by one DuckDB query, side by side; and the figures of a second library."""
    logs = folder / f"logs-{SIDE_BY_SIDE}"
    print(f"making {SIDE_BY_SIDE:,} exposures for pandas", file=sys.stderr, flush=True)
    write_logs(logs, SIDE_BY_SIDE, USERS)
    files = [sorted(map(str, (logs / kind).glob("*.parquet"))) for kind in ("exposures", "outcomes")]
    rounds = [{name: part(name, *files) for name in ("ours", "pandas", "duckdb")} for _ in range(3)]
    ratios = {
        (name, what): sorted(each[name][what] / each["ours"][what] for each in rounds)[1]
        for name in ("pandas", "duckdb")
        for what in ("cpu", "wall")
    }
    return {
        "side_by_side_exposures": SIDE_BY_SIDE,
        "speedup_over_pandas": round(ratios["pandas", "wall"], 2),  # both may use every core; pandas uses one
        "speedup_over_pandas_cpu": round(ratios["pandas", "cpu"], 2),
        "cores": len(os.sched_getaffinity(0)),
        "duckdb_ratio": round(1 / ratios["duckdb", "cpu"], 3),
        "pandas_gb": rounds[-1]["pandas"]["peak_gb"],
        "duckdb_gb": rounds[-1]["duckdb"]["peak_gb"],
        "ours_gb": rounds[-1]["ours"]["peak_gb"],
        "max_difference_from_oracle": rounds[-1]["ours"]["difference"],
    }


def part(name: str, exposures: list[str], outcomes: list[str]) -> dict:
    """One analysis in a process of its own."""
    return json.loads(asked(name, json.dumps(exposures), json.dumps(outcomes)))


def invariants(runs: int) -> dict:
    """Random orders of events and crashes at the release's state machine; a broken promise fails the command."""
    command = [sys.executable, "-m", "pytest", "tests/components/release/test_state_machine.py"]
    subprocess.run(command, check=True, env=os.environ | {"BROADFAST_INVARIANT_RUNS": str(runs)})
    return {"invariant_runs": runs}


if __name__ == "__main__":
    app()

"""Measure one part of the experiment in its own process: `python -m bench.experiment.part PART ARGUMENTS`.

Prints what it found as JSON, with its CPU seconds and its peak of memory.
"""

import json
import resource
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil

from bench.experiment.logs import END, EXPERIMENT
from components.experiment import look as looks
from components.experiment.plan import ExperimentPlan
from components.experiment.records import ExperimentSetup


def look(folder: str) -> dict:
    """Take a look as the pipeline does: state and logs from S3, sums, decision, the look kept."""
    current = looks.begin(END.isoformat())
    looks.collect(current, "0/1", Path(folder))
    result = looks.decide(current, [Path(folder)], ExperimentPlan(shares=(0.0, 0.5)), Path(folder) / "merged").to_json()
    return {"exposures": result["exposures"], "lift": result["figures"]["rpm_lift"], "verdict": result["verdict"]}


def ours(exposures: str, outcomes: str) -> dict:
    """Analyse the same files by the platform and compare its figures with a second library's."""
    from bench.experiment.peers import link_files, oracle_difference
    from components.experiment import aggregate

    with TemporaryDirectory() as work:
        folder = Path(work)
        exposures_folder = link_files(exposures, folder / "exposures")
        outcomes_folder = link_files(outcomes, folder / "outcomes")
        setup = ExperimentSetup.from_json(EXPERIMENT)
        aggregate.collect(aggregate.LogSource(exposures_folder, outcomes_folder), setup, END, folder / "sums")
        plan = ExperimentPlan(shares=(0.0, 0.5))
        figures = looks.evaluate(folder, [folder / "sums"], setup, END, plan).figures
        usage = measure_usage()
        difference = oracle_difference(folder / "users.parquet", figures.revenue_cap)
        return usage | {"difference": difference, "lift": figures.rpm_lift.estimate}


def pandas(exposures: str, outcomes: str) -> dict:
    """Analyse as a data scientist would write it."""
    from bench.experiment.peers import by_pandas

    return {"lift": by_pandas(json.loads(exposures), json.loads(outcomes))}


def duckdb(exposures: str, outcomes: str) -> dict:
    """Analyse by one straightforward query."""
    from bench.experiment.peers import by_duckdb

    return {"lift": by_duckdb(json.loads(exposures), json.loads(outcomes))}


def measure_usage() -> dict:
    """Return CPU and wall seconds of this process so far, and the most memory that it held."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    with open("/proc/self/status") as file:
        peak = int(next(line for line in file if line.startswith("VmHWM")).split()[1])
    wall = round(time.time() - psutil.Process().create_time(), 2)
    return {"cpu": usage.ru_utime + usage.ru_stime, "wall": wall, "peak_gb": round(peak / 1024**2, 3)}


PARTS = {part.__name__: part for part in (look, ours, pandas, duckdb)}

if __name__ == "__main__":
    result = PARTS[sys.argv[1]](*sys.argv[2:])
    print(json.dumps(measure_usage() | result))

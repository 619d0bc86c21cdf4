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


def look(folder: str) -> dict:
    """A look as the pipeline takes it: state and logs from S3, sums, decision, the look kept."""
    begun = looks.begin(END.isoformat())
    looks.collect(begun, "0/1", Path(folder))
    found = looks.decide(begun, [Path(folder)], ExperimentPlan(shares=(0.0, 0.5)).to_json(), Path(folder) / "merged")
    return {"exposures": found["exposures"], "lift": found["figures"]["rpm_lift"], "verdict": found["verdict"]}


def ours(exposures: str, outcomes: str) -> dict:
    """The same files, here; and how far the figures are from a second library's."""
    from bench.experiment.peers import linked, oracle_difference
    from components.experiment import aggregate, attribute, verdict

    with TemporaryDirectory() as folder:
        place = Path(folder)
        places = aggregate.Places(linked(exposures, place / "exposures"), linked(outcomes, place / "outcomes"))
        aggregate.collect(places, EXPERIMENT, END, place / "sums")
        evidence = attribute.merge([place / "sums"], EXPERIMENT | {"looks": 0}, END, place)
        found = verdict.judge(place, evidence, ExperimentPlan(shares=(0.0, 0.5)))
        measured = used()
        return measured | {
            "difference": oracle_difference(place / "users.parquet", found),
            "lift": found["figures"]["rpm_lift"]["estimate"],
        }


def pandas(exposures: str, outcomes: str) -> dict:
    """The analysis as a data scientist would write it."""
    from bench.experiment.peers import by_pandas

    return {"lift": by_pandas(json.loads(exposures), json.loads(outcomes))}


def duckdb(exposures: str, outcomes: str) -> dict:
    """One straightforward query."""
    from bench.experiment.peers import by_duckdb

    return {"lift": by_duckdb(json.loads(exposures), json.loads(outcomes))}


def used() -> dict:
    """CPU and wall seconds of this process so far, and the most memory that it held."""
    took = resource.getrusage(resource.RUSAGE_SELF)
    with open("/proc/self/status") as file:
        peak = int(next(line for line in file if line.startswith("VmHWM")).split()[1])
    wall = round(time.time() - psutil.Process().create_time(), 2)
    return {"cpu": took.ru_utime + took.ru_stime, "wall": wall, "peak_gb": round(peak / 1024**2, 3)}


if __name__ == "__main__":
    said = {part.__name__: part for part in (look, ours, pandas, duckdb)}[sys.argv[1]](*sys.argv[2:])
    print(json.dumps(used() | said))

"""One look at the running experiment: its logs fetched and summed, then judged, and the look kept on S3."""

import json
import tempfile
from pathlib import Path

import duckdb

from components.experiment import logs, metrics, verdict
from components.experiment.plan import ExperimentPlan


def collect_evidence(now: str, users: Path, evidence: Path) -> dict:
    """Sum the running experiment's logs into `users` and `evidence`; both are empty where none runs."""
    time = logs.moment(now)
    experiment = logs.running_experiment(time)
    if experiment:
        with tempfile.TemporaryDirectory() as folder:
            logs.download(experiment, time, Path(folder))
            found = metrics.collect(Path(folder), experiment, time, users)
    else:
        found = metrics.NOTHING
        duckdb.sql("SELECT 'none' AS arm WHERE false").write_parquet(str(users))
    evidence.write_text(json.dumps(found))
    return found


def decide(users: Path, evidence: Path, plan: str, path: Path) -> dict:
    """Judge the evidence under a plan (as JSON), write the verdict to `path` and keep the look."""
    found = verdict.judge(users, json.loads(evidence.read_text()), ExperimentPlan.from_json(plan))
    path.write_text(json.dumps(found, allow_nan=False))
    logs.store_look(found)
    return found

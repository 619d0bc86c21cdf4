"""One look at the running experiment: its logs summed in shards, merged and judged, and the look kept on S3."""

import tempfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from components.experiment import aggregate, attribute, logs, verdict
from components.experiment.interleaved_look import collect_with_pages, judge_interleaved
from components.experiment.log_gaps import hold_for_gaps
from components.experiment.plan import ExperimentPlan
from components.experiment.records import Accounts, ExperimentSetup
from components.experiment.verdict import LookVerdict
from components.log_gaps import read_gaps
from components.settings import Settings


@dataclass(frozen=True)
class Look:
    """An experiment and a moment, which are the same for every shard and the decision."""

    now: datetime
    experiment: ExperimentSetup | None  # None where none runs

    @classmethod
    def from_json(cls, document: dict) -> "Look":
        """Build it from its JSON object."""
        experiment = document["experiment"]
        return cls(logs.moment(document["now"]), ExperimentSetup.from_json(experiment) if experiment else None)

    def to_json(self) -> dict:
        """Return the JSON object."""
        return {"now": self.now.isoformat(), "experiment": self.experiment.to_json() if self.experiment else {}}


def begin(now: str) -> Look:
    """Read the running experiment as it is at `now`, the present where that is empty."""
    time = logs.moment(now)
    return Look(time, logs.running_experiment(time))


def collect(look: Look, shard: str, folder: Path) -> Accounts:
    """Sum one shard of the logs into `folder` and return its accounts."""
    folder.mkdir(parents=True, exist_ok=True)
    if not look.experiment:
        return Accounts()
    with tempfile.TemporaryDirectory() as work:
        downloads = Path(work)
        logs.download(look.experiment, look.now, shard, downloads)
        source = aggregate.LogSource(downloads / "exposures", downloads / "outcomes", downloads / "requests")
        if look.experiment.interleaved_share:
            return collect_with_pages(source, look.experiment, look.now, folder)
        return aggregate.collect(source, look.experiment, look.now, folder)


def decide(look: Look, shards: list[Path], plan: ExperimentPlan, folder: Path) -> LookVerdict:
    """Merge the shards into `folder`, judge them under a plan, and store the look.

    Rows that were not recorded under the share in force hold it.
    """
    if not look.experiment:
        return verdict.evaluate_look(folder, None, plan)
    result = evaluate(folder, shards, look.experiment, look.now, plan)
    gaps = read_gaps(logs.moment(look.experiment.stages[-1].start_time), look.now)
    result = hold_for_gaps(result, gaps, look.now)
    logs.store_look(result.to_json(), look.experiment)
    return result


def evaluate(
    folder: Path, shards: list[Path], setup: ExperimentSetup, now: datetime, plan: ExperimentPlan
) -> LookVerdict:
    """Merge the shards into `folder` and judge them under a plan."""
    evidence = attribute.merge(shards, setup, now, folder, plan.currency or Settings().currency)
    preference = judge_interleaved(shards, setup, now, plan) if setup.interleaved_share else None
    return verdict.evaluate_look(folder, evidence, plan, preference)

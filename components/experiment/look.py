"""One look at the running experiment: its logs summed in shards, merged and judged, and the look kept on S3."""

import tempfile
from pathlib import Path

from components.experiment import aggregate, attribute, logs, verdict
from components.experiment.plan import ExperimentPlan

NOTHING = {"experiment_id": "", "exposures": 0, "used": 0, "set_aside": {}}


def begin(now: str) -> dict:
    """What is looked at, and when: every shard and the decision see the same experiment at the same moment."""
    time = logs.moment(now)
    return {"now": time.isoformat(), "experiment": logs.running_experiment(time)}


def collect(look: dict, shard: str, folder: Path) -> dict:
    """Sum one shard of the logs into `folder`; the shard's accounts, of which nothing is there where none runs."""
    folder.mkdir(parents=True, exist_ok=True)
    if not look["experiment"]:
        return {"exposures": 0, "duplicates": 0}
    time = logs.moment(look["now"])
    with tempfile.TemporaryDirectory() as work:
        place = Path(work)
        logs.download(look["experiment"], time, shard, place)
        places = aggregate.Places(place / "exposures", place / "outcomes", place / "requests")
        return aggregate.collect(places, look["experiment"], time, folder)


def decide(look: dict, shards: list[Path], plan: str, folder: Path) -> dict:
    """Merge the shards into `folder`, judge them under a plan (as JSON), and keep the look; the verdict."""
    evidence = NOTHING
    if look["experiment"]:
        evidence = attribute.merge(shards, look["experiment"], logs.moment(look["now"]), folder)
    found = verdict.judge(folder, evidence, ExperimentPlan.from_json(plan))
    logs.store_look(found)
    return found

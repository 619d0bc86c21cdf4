"""What is kept of a night on S3 when its gate has spoken, for whoever watches the nights: verdict, quality, cost."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from components import storage
from components.model_reference import read_reference
from components.release.comparison import ComparisonTables, publish_comparison
from components.release.gate_verdict import GateVerdict
from components.release_store import NIGHTS
from components.source_digest import git_sha

METRICS = ("macro_f1", "accuracy", "ndcg_at_10")
USAGE = ("requests", "tokens_in", "tokens_out", "seconds")
CLICKS = ("rows", "judged", "unclear", "of_train_queries", "of_unjudged_queries", "queries", "used", "mean_weight")
CLICKS += ("labels", "agreement_with_people", "accuracy", "over_students", "refusal")


@dataclass(frozen=True)
class Night:
    """A night's verdict, its student's quality, and what its new rationales took."""

    time: str
    verdict: str
    version: str
    reasons: list[str]
    metrics: dict[str, float]
    serving_version: str  # that it was compared with
    gains: dict[str, dict[str, float]]  # over that one, with their intervals
    used: dict[str, float]
    usd: float | None  # of the rationales; None without a price
    models: dict[str, list[str]]  # of its teachers: digest, and the sha256 of what its tunings changed
    artifacts: str  # where its steps' outputs lie in Kubeflow's store; "" on a laptop
    comparison: str  # the prefix of what people compare; "" without
    git_sha: str = ""  # of the code; "" where it is not known
    clicks: dict = field(default_factory=dict)  # what labels from clicks there were; {} where no source is named


@dataclass(frozen=True)
class NightOutputs:
    """What a night left: teachers' folders, its artifacts' place, what people compare, what clicks said."""

    teachers: Sequence[str | Path] = ()
    artifacts: str = ""
    comparison: ComparisonTables | None = None
    clicks: dict = field(default_factory=dict)

    def models(self) -> dict[str, list[str]]:
        """Return the digest of each teacher that is a reference, with its changes."""
        references = [reference for folder in self.teachers if (reference := read_reference(folder))]
        return {reference.digest: list(reference.changes) for reference in references}


def read_clicks(*facts: str | Path) -> dict:
    """Return what is kept of labels from clicks, {} where there are none."""
    results = [json.loads(Path(path).read_text()) for path in facts]
    return {name: result[name] for result in results for name in CLICKS if name in result}


def artifacts_root(uri: str, step: str) -> str:
    """Return where the outputs of a run lie, given one of a step's.

    It is "" of a path on a laptop.
    """
    root, folder, _ = uri.partition(f"/{step}/")
    return root if folder and "://" in root else ""


def record_night(
    verdict: GateVerdict,
    usages: Sequence[Mapping],
    usd_per_hour: float,
    outputs: NightOutputs | None = None,
    now: datetime | None = None,
) -> Night:
    """Write a night's comparison, then its one object.

    `usages` are those of the steps that sampled rationales, which are summed.
    """
    outputs = outputs or NightOutputs()
    now = now or datetime.now(UTC)
    total = Counter()
    for usage in usages:
        total.update({name: usage[name] for name in USAGE})
    used = dict(total)
    candidate = verdict.metrics["candidate"]
    name = f"{now:%Y%m%dT%H%M%SZ}"
    night = Night(
        time=now.isoformat(timespec="seconds"),
        verdict=verdict.verdict,
        version=verdict.candidate_version,
        reasons=verdict.reasons,
        metrics={name: candidate[name] for name in METRICS},
        serving_version=verdict.serving_version,
        gains={name: vars(verdict.differences[name]) for name in METRICS if name in verdict.differences},
        used=used,
        usd=round(used["seconds"] / 3600 * usd_per_hour, 4) if usd_per_hour else None,
        models=outputs.models(),
        artifacts=outputs.artifacts,
        comparison=publish_comparison(name, outputs.comparison) if outputs.comparison else "",
        git_sha=git_sha(),
        clicks=outputs.clicks,
    )
    storage.put_json(f"{NIGHTS}/{name}.json", vars(night))
    return night

"""What is kept of a night on S3 when its gate has spoken, for whoever watches the nights: verdict, quality, cost."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from components import storage
from components.release.gate_verdict import GateVerdict
from components.release_store import NIGHTS

METRICS = ("macro_f1", "accuracy", "ndcg_at_10")
USAGE = ("requests", "tokens_in", "tokens_out", "seconds")


@dataclass(frozen=True)
class Night:
    """A night's verdict, its student's quality, and what its new rationales took."""

    time: str
    verdict: str
    version: str
    reasons: list[str]
    metrics: dict[str, float]
    used: dict[str, float]
    usd: float | None  # of the rationales; None without a price


def record_night(
    verdict: GateVerdict, usages: Sequence[Mapping], usd_per_hour: float, now: datetime | None = None
) -> Night:
    """Write one object for a night, with the summed usages of steps that sampled rationales."""
    now = now or datetime.now(UTC)
    total = Counter()
    for usage in usages:
        total.update({name: usage[name] for name in USAGE})
    used = dict(total)
    candidate = verdict.metrics["candidate"]
    night = Night(
        time=now.isoformat(timespec="seconds"),
        verdict=verdict.verdict,
        version=verdict.candidate_version,
        reasons=verdict.reasons,
        metrics={name: candidate[name] for name in METRICS},
        used=used,
        usd=round(used["seconds"] / 3600 * usd_per_hour, 4) if usd_per_hour else None,
    )
    storage.put_json(f"{NIGHTS}/{now:%Y%m%dT%H%M%SZ}.json", vars(night))
    return night

"""What is kept of a night on S3 when its gate has spoken, for whoever watches the nights: verdict, quality, cost."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from components import storage
from components.release_state import NIGHTS

SHOWN = ("macro_f1", "accuracy", "ndcg_at_10")
SUMMED = ("requests", "tokens_in", "tokens_out", "seconds")


def record_night(verdict: Mapping, rationales: Sequence[Mapping], price: float, now: datetime | None = None) -> dict:
    """Write one object a night; `rationales` are the facts of the steps that had some written, `price` USD an hour."""
    now = now or datetime.now(UTC)
    used = {name: sum(said["used"][name] for said in rationales) for name in SUMMED}
    night = {
        "time": now.isoformat(timespec="seconds"),
        "verdict": verdict["verdict"],
        "version": verdict["candidate_version"],
        "reasons": verdict["reasons"],
        "metrics": {name: verdict["metrics"]["candidate"][name] for name in SHOWN},
        "used": used,
        "usd": round(used["seconds"] / 3600 * price, 4) if price else None,
    }
    storage.put_json(f"{NIGHTS}/{now:%Y%m%dT%H%M%SZ}.json", night)
    return night

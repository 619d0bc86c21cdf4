"""Puts the judgements that a run starts from on S3, under the digest of their content: same content, same place."""

import hashlib
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from components import storage
from components.package_manifest import file_digest
from components.settings import Settings
from pipelines.profiles import Marketplace


def marketplace(size: Marketplace, folder: Path) -> Path:
    """Generate the embedded marketplace, once for each size; returns its folder."""
    folder = folder / f"marketplace-{size.items}-{size.queries}-{size.seed}"
    if not (folder / "truth.parquet").exists():
        options = [f"--{name}={value}" for name, value in vars(size).items()]
        command = [sys.executable, "-m", "simulation.marketplace", f"--out={folder}", *options]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return folder


def publish(source: Path) -> str:
    """Upload a file or a folder of judgements unless it is there; returns its s3:// address."""
    files = sorted(path for path in source.rglob("*") if path.is_file()) if source.is_dir() else [source]
    if not files:
        raise ValueError(f"--judgements {source} is an empty folder")
    digest = hashlib.sha256("".join(path.name + file_digest(path) for path in files).encode()).hexdigest()[:16]
    prefix = f"sources/{digest}"
    if storage.get_json(f"{prefix}.json") is None:
        for path in files:
            storage.client().fput_object(Settings().s3_bucket, f"{prefix}/{path.name}", str(path))
        storage.put_json(f"{prefix}.json", {"files": [path.name for path in files], "seen": now().isoformat()})
    return f"s3://{Settings().s3_bucket}/{prefix}"


def publish_audit(filled: Path) -> str:
    """Upload a filled-in audit; returns its name on S3, another one for another content."""
    name = f"audits/{file_digest(filled)[:16]}.csv"
    storage.put_bytes(name, filled.read_bytes())
    return name


def seen(address: str) -> datetime:
    """When a source was first published."""
    return datetime.fromisoformat(storage.get_json(address.split("/", 3)[3] + ".json")["seen"])


def features_time(source_seen: datetime) -> datetime:
    """The time that features are as of: the last closed day's end if there are logs before it, or the source's own.

    So an unchanged world gives an unchanged time, and a new day with traffic gives a new one.
    """
    midnight = now().replace(hour=0, minute=0, second=0, microsecond=0)
    earliest = next(iter(storage.list_names("logs/exposures")), None)
    day = earliest and earliest.split("date=")[1][:10]
    closed = day is not None and datetime.fromisoformat(f"{day}T00:00:00+00:00") < midnight
    return max(midnight, source_seen) if closed else source_seen + timedelta(seconds=1)


def now() -> datetime:
    """The present, in UTC."""
    return datetime.now(UTC)

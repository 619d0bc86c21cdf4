"""Puts the files that a run starts from on S3, under the digest of their content: same content, same place."""

import hashlib
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from components import storage
from components.package_manifest import file_digest
from components.settings import Settings
from pipelines.profile import Marketplace


def generate_marketplace(size: Marketplace, folder: Path) -> Path:
    """Generate the embedded marketplace, once for each size, and return its folder."""
    folder = folder / f"marketplace-{size.items}-{size.queries}-{size.seed}"
    if not (folder / "truth.parquet").exists():
        options = [f"--{name}={value}" for name, value in vars(size).items()]
        command = [sys.executable, "-m", "simulation.marketplace", f"--out={folder}", *options]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return folder


def publish_file(source: Path, option: str) -> str:
    """Upload the file or folder of an option once, and return its s3:// address.

    Raises:
        ValueError: the folder is empty.
    """
    files = sorted(path for path in source.rglob("*") if path.is_file()) if source.is_dir() else [source]
    if not files:
        raise ValueError(f"{option} {source} is an empty folder; give one that holds files")
    names = {path: path.relative_to(source).as_posix() if source.is_dir() else path.name for path in files}
    digest = hashlib.sha256("".join(names[path] + file_digest(path) for path in files).encode()).hexdigest()[:16]
    prefix = f"sources/{digest}"
    if storage.get_json(f"{prefix}.json") is None:
        for path in files:
            storage.client().fput_object(Settings().s3_bucket, f"{prefix}/{names[path]}", str(path))
        storage.put_json(f"{prefix}.json", {"files": list(names.values()), "seen": now().isoformat()})
    return f"s3://{Settings().s3_bucket}/{prefix}"


def publish_audit(audit: Path) -> str:
    """Upload a filled-in audit under its digest, and return its name on S3."""
    name = f"audits/{file_digest(audit)[:16]}.csv"
    storage.put_bytes(name, audit.read_bytes())
    return name


def read_publication_time(address: str) -> datetime:
    """Return when a source was first published."""
    return datetime.fromisoformat(storage.get_json(address.split("/", 3)[3] + ".json")["seen"])


def choose_features_time(source_time: datetime) -> datetime:
    """Return the time that features are as of.

    It is the last midnight where there are logs of a day before it, or else the source's own time. So an unchanged
    world gives an unchanged time, and a new day with traffic gives a new one.
    """
    midnight = now().replace(hour=0, minute=0, second=0, microsecond=0)
    earliest = next(iter(storage.list_names("logs/exposures")), None)
    if earliest is None:
        return source_time + timedelta(seconds=1)
    day = earliest.split("date=")[1][:10]
    if datetime.fromisoformat(f"{day}T00:00:00+00:00") >= midnight:
        return source_time + timedelta(seconds=1)
    return max(midnight, source_time)


def now() -> datetime:
    """Return the present, in UTC."""
    return datetime.now(UTC)

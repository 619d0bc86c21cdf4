"""Keeps a run's folder small: equal files are stored once, and S3 gives back what was removed from it."""

import contextlib
import os
from collections import defaultdict
from pathlib import Path

import httpx

from components.package_manifest import file_digest
from pipelines.local.s3_server import S3Server

LARGE = 1_000_000  # bytes
VACUUM_SECONDS = 60
LEAST_GARBAGE = 0.05  # of a volume


def link_equal_files(*folders: Path) -> int:
    """Make large files of equal bytes one, and return the bytes saved.

    Nobody may write into these files, only replace them. A disk without hard links keeps its copies.
    """
    by_size = defaultdict(list)
    for path in sorted(path for folder in folders for path in folder.rglob("*")):
        if path.is_file() and not path.is_symlink() and path.stat().st_size >= LARGE:
            by_size[path.stat().st_size].append(path)
    freed_bytes = 0
    for size, paths in by_size.items():
        firsts: dict[str, Path] = {}
        for path in paths if len(paths) > 1 else []:
            first = firsts.setdefault(file_digest(path), path)
            if not first.samefile(path) and replace_by_link(path, first):
                freed_bytes += size
    return freed_bytes


def replace_by_link(path: Path, target: Path) -> bool:
    """Replace a file by a hard link, and return True where the disk takes it."""
    link = path.with_name(f".{path.name}.link")
    with contextlib.suppress(OSError):
        link.unlink(missing_ok=True)
        os.link(target, link)
        os.replace(link, path)
        return True
    return False


def vacuum(s3: S3Server) -> str:
    """Make SeaweedFS give removed objects' bytes back, and return what went wrong."""
    try:
        answer = httpx.get(
            f"{s3.master}/vol/vacuum", params={"garbageThreshold": LEAST_GARBAGE}, timeout=VACUUM_SECONDS
        )
        answer.raise_for_status()
    except httpx.HTTPError as error:
        return f"S3 did not give back the bytes of removed objects: {error}"
    return ""

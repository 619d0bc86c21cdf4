"""What names this package's code: a digest of its source, and the commit that it comes from."""

import hashlib
import shutil
import subprocess
from pathlib import Path

from components.settings import Settings

ROOT = Path(__file__).parent.parent


def source_digest() -> str:
    """Return the digest of this package's source.

    kfp.local's cache key holds the image but not the code inside it, so the tag has to change with the code.
    """
    root = Path(__file__).parent
    digest = hashlib.sha256()
    for path in sorted([*root.rglob("*.py"), *root.rglob("*.toml")]):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return f"src-{digest.hexdigest()[:12]}"


def git_sha() -> str:
    """Return the image's tag, or else the commit of this checkout.

    A checkout that was changed ends in -dirty. Without either it is "".
    """
    if tag := Settings().image_tag:
        return tag
    if not shutil.which("git") or not (ROOT / ".git").exists():
        return ""
    command = ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    return subprocess.run(command, capture_output=True, text=True).stdout.strip()

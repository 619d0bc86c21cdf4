"""Files that only their owner may read, and the platform secret in one of them."""

import os
import secrets
from pathlib import Path


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    with open(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600), "w") as file:
        file.write(text)


def load_or_create_secret(path: Path) -> str:
    """Return this laptop's platform secret, creating it the first time."""
    if not path.exists():
        write_private(path, secrets.token_hex(32))
    return path.read_text()

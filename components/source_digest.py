"""A digest that changes with this package's code."""

import hashlib
from pathlib import Path


def source_digest() -> str:
    """Return the digest of this package's source.

    kfp.local's cache key holds the image but not the code inside it, so the tag has to change with the code.
    """
    root = Path(__file__).parent
    digest = hashlib.sha256()
    for path in sorted([*root.rglob("*.py"), *root.rglob("*.toml")]):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return f"src-{digest.hexdigest()[:12]}"

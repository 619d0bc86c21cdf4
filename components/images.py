"""In which image a component runs: `teacher_step` (CUDA, vllm, trl) and `student_step` (everything else offline)."""

import hashlib
from functools import partial
from pathlib import Path

from kfp import dsl

from components.settings import Settings


def source_digest() -> str:
    """Digest of this package's source.

    kfp.local's cache key holds the image but not the code inside it, so the tag has to change with the code.
    """
    root = Path(__file__).parent
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return f"src-{digest.hexdigest()[:12]}"


def image(kind: str) -> str:
    """Full name of one of the three images; its tag is the release's, or the source's digest."""
    settings = Settings()
    return f"{settings.registry}/{kind}-python:{settings.image_tag or source_digest()}"


teacher_step = partial(dsl.component, base_image=image("teacher"), packages_to_install=[], install_kfp_package=False)
student_step = partial(dsl.component, base_image=image("student"), packages_to_install=[], install_kfp_package=False)

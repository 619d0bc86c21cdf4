"""The images that components run in: `teacher_step` (CUDA, vllm, trl), `student_step` (everything else offline)."""

from functools import partial

from kfp import dsl

from components.settings import Settings
from components.source_digest import source_digest


def image(kind: str) -> str:
    """Return the full name of an image, tagged by the release or the source's digest."""
    settings = Settings()
    return f"{settings.registry}/{kind}-python:{settings.image_tag or source_digest()}"


teacher_step = partial(dsl.component, base_image=image("teacher"), packages_to_install=[], install_kfp_package=False)
student_step = partial(dsl.component, base_image=image("student"), packages_to_install=[], install_kfp_package=False)

"""In which image a step runs: one tag for a release, or the digest of the source, which kfp's cache keys hold."""

from components.images import image
from components.judgements.component import prepare_judgements
from components.rationales.component import generate_rationales
from components.source_digest import source_digest
from testing.servers import environment


def test_a_release_names_registry_and_tag():
    with environment(BROADFAST_REGISTRY="ghcr.io/shop", BROADFAST_IMAGE_TAG="1.4.0"):
        assert image("student") == "ghcr.io/shop/student-python:1.4.0"


def test_without_a_tag_the_source_is_the_tag():
    with environment(BROADFAST_IMAGE_TAG=""):
        assert image("teacher").endswith(f"/teacher-python:{source_digest()}")


def test_llm_steps_run_in_the_teachers_image():
    used = [each.component_spec.implementation.container.image for each in (generate_rationales, prepare_judgements)]
    assert "teacher-python" in used[0] and "student-python" in used[1]


def test_nothing_is_installed_when_a_step_starts():
    command = " ".join(generate_rationales.component_spec.implementation.container.command)
    assert "pip install" not in command

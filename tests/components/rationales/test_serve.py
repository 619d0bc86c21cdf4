"""A chat model is served from where it lies: a folder, S3, or a hub's mirror, under the name that is given."""

import subprocess
import sys

import pytest

from components.rationales.serve import server_command
from tests.components.test_model_mirror import MODEL, mirrored  # noqa: F401  a fixture

pytestmark = pytest.mark.slow
OPTIONS = ["--port=8000", "--max-model-len=512"]


def option_after(command: list[str], name: str) -> str:
    return command[command.index(name) + 1]


def test_a_mirrored_model_keeps_its_hubs_name(mirrored):  # noqa: F811
    command = server_command(MODEL, OPTIONS)
    assert command[:2] == [sys.executable, "-m"] and command[-2:] == OPTIONS
    assert option_after(command, "--served-model-name") == MODEL
    folder = option_after(command, "--model")
    assert subprocess.run(["ls", folder], capture_output=True, text=True, check=True).stdout.count("safetensors")


def test_a_model_of_nowhere_is_refused(s3):
    done = subprocess.run(
        [sys.executable, "-m", "components.rationales.serve", "nobody/nothing"], capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "stopped: nobody/nothing is no folder, and no mirror of it is in the bucket: `make models`" in done.stderr


def test_without_a_model_the_usage_is_shown():
    done = subprocess.run([sys.executable, "-m", "components.rationales.serve"], capture_output=True, text=True)
    assert done.returncode == 2 and "python -m components.rationales.serve MODEL" in done.stderr

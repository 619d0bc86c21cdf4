"""The serving image as a cluster runs it: read-only root, no capability, a user without a name; it answers and drains.

BROADFAST_SERVING_IMAGE names an image that `make images` has built on this machine.
"""

import os
import shutil
import signal
import subprocess

import httpx
import pytest

from testing.relevance_server import read_log
from testing.tiny_package import write_package

pytestmark = pytest.mark.slow
PASSED = (
    "BROADFAST_S3_ENDPOINT",
    "BROADFAST_S3_BUCKET",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "BROADFAST_USER_HASH_SECRET",
)
HARDENED = ["--read-only", "--user=65532:65532", "--cap-drop=all", "--security-opt=no-new-privileges"]
BODY = {"query": "red shoes", "item_ids": ["i1", "i2"], "user_id": "anna", "request_id": "from-the-image"}


@pytest.fixture(scope="module")
def image():
    name = os.environ.get("BROADFAST_SERVING_IMAGE")
    if not name or not shutil.which("podman"):
        pytest.skip("BROADFAST_SERVING_IMAGE names no image, or podman is not installed")
    return name


def run(image, *words, **options):
    command = ["podman", "run", "--rm", "--network=host", "--tmpfs=/tmp", *HARDENED]
    return [*command, *options.get("more", []), image, *words]


@pytest.fixture(scope="module")
def image_server(image, s3, night, tmp_path_factory):
    """Run the image's server, and return its address, process and version."""
    from pipelines.local.ports import free_ports

    (port,) = free_ports(1)
    folder = tmp_path_factory.mktemp("image")
    version = write_package(folder / "package")
    (folder / "spool").mkdir()
    for path in (folder / "package", folder / "spool", night):
        subprocess.run(["chmod", "-R", "a+rwX", str(path)], check=True)
    mounts = {folder / "package": "/mnt/models", folder / "spool": "/spool", night: "/features"}
    more = [f"--volume={source}:{target}" for source, target in mounts.items()]
    more += [f"--env={name}={s3.environment[name]}" for name in PASSED if name in s3.environment]
    words = ["--package=/mnt/models", "--features=/features", f"--port={port}", "--spool=/spool"]
    process = s3.start("image", run(image, *words, more=more))
    s3.wait_ready("image", f"http://127.0.0.1:{port}/v1/models/relevance")
    return f"http://127.0.0.1:{port}", process, version


def test_the_image_answers_and_drains_at_sigterm(image_server):
    url, process, version = image_server
    answer = httpx.post(f"{url}/v1/models/relevance:predict", json=BODY, timeout=30)
    assert (answer.status_code, answer.headers["x-model-version"]) == (200, version)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0
    assert "from-the-image" in {row["request_id"] for row in read_log("requests")}


@pytest.mark.parametrize(
    ("program", "sentence"),
    [
        ("import pip", "No module named 'pip'"),
        ("import torch", "No module named 'torch'"),
        ("open('/opt/venv/planted', 'w')", "Read-only file system"),
        ("import os; os.setuid(0)", "Operation not permitted"),
    ],
)
def test_the_image_cannot_change_itself(image, program, sentence):
    command = ["podman", "run", "--rm", "--network=none", *HARDENED, "--entrypoint=python", image, "-c", program]
    ran = subprocess.run(command, capture_output=True, text=True)
    assert ran.returncode != 0 and sentence in ran.stderr

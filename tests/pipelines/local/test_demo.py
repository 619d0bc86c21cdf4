"""A served package on this machine: the request is printed once it works."""

import signal
import subprocess
import sys

import httpx
import pytest

from testing.servers import free_ports
from testing.tiny_package import write_package


def serve(home, *options):
    command = [sys.executable, "-m", "pipelines.local.demo", "serve", f"--home={home}", *options]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def test_without_a_package_the_remedy_is_printed(tmp_path):
    with serve(tmp_path) as process:
        assert "make run leaves one, and make demo trains a small one" in process.stdout.read()
    assert process.returncode == 1


@pytest.mark.slow
def test_the_printed_request_works_at_once(tmp_path):
    write_package(tmp_path / "state" / "packages" / "v1")
    (port,) = free_ports(1)
    with serve(tmp_path, f"--port={port}") as process:
        lines = iter(process.stdout.readline, "")
        next(line for line in lines if "In another terminal" in line)
        body = {"query": "trail running shoes", "instances": [{"item_id": "i1", "title": "Salomon Speedcross 6"}]}
        answer = httpx.post(f"http://127.0.0.1:{port}/v1/models/relevance:predict", json=body, timeout=20)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"http://127.0.0.1:{port}/")
    assert answer.status_code == 200 and answer.json()["predictions"][0]["item_id"] == "i1"

"""The end of a server's process: what it uploads at SIGTERM, and what it prints where it cannot start."""

import signal
import subprocess
import sys

import httpx
import pytest

from serving.__main__ import main
from testing.relevance_server import read_log, start_relevance_server
from testing.tiny_package import write_package

pytestmark = pytest.mark.slow  # starts servers

BODY = {"query": "red shoes", "item_ids": ["i1", "i2"], "user_id": "anna"}


def test_everything_recorded_is_on_s3_after_sigterm(s3, night, tmp_path):
    server = start_relevance_server(s3, night, tmp_path / "stopping")
    server.post(content=b"{")
    httpx.post(f"{server.url}/v1/models/other:predict", json=BODY)
    server.post(json=BODY | {"request_id": "a-copy"}, headers={"x-shadow": "1"})
    server.post(json=BODY | {"request_id": "the-last-one"})
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(30) == 0
    rows = read_log("requests")
    request_ids = {row["request_id"] for row in rows}
    assert "the-last-one" in request_ids
    assert "a-copy" not in request_ids  # mirrored: answered, and not recorded
    assert {200, 400, 404} <= {row["status"] for row in rows}


def test_a_server_that_cannot_load_prints_one_sentence(s3, tmp_path):
    command = [sys.executable, "-m", "serving", f"--package={tmp_path}", f"--features={tmp_path}"]
    process = subprocess.run(command, env=s3.environment, capture_output=True, text=True, timeout=120, check=False)
    assert process.returncode == 1
    assert process.stderr.splitlines()[-1].startswith("the relevance server cannot start: ")
    assert "Traceback" not in process.stderr


def test_a_server_refuses_an_unsigned_package(tmp_path, monkeypatch):
    write_package(tmp_path / "package")
    monkeypatch.setenv("BROADFAST_VERIFICATION_KEY_FILE", str(tmp_path / "public.pem"))
    monkeypatch.setattr(sys, "argv", ["serving", f"--package={tmp_path / 'package'}", "--text-only"])
    with pytest.raises(SystemExit, match="cannot start: .*package: the package is not signed, and a key is configured"):
        main()

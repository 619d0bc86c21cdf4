"""A server without a feature store and without a log: for a first try."""

import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from pipelines.local.demo import EXAMPLE, newest_package
from serving.request_schemas import InvalidRequest
from serving.text_only import TextOnlyFeatures
from testing.servers import free_ports, process
from testing.tiny_package import write_package

ROOT = Path(__file__).parents[2]


def test_ids_are_refused_with_the_remedy():
    with pytest.raises(InvalidRequest, match="send the items as instances"):
        TextOnlyFeatures().lookup("shoes", None, ["i1"])


def test_numbers_of_the_request_are_used():
    result = TextOnlyFeatures().lookup_for_inline_items("shoes", None, [{"item_id": "i1", "title": "x", "price": 9.5}])
    assert result.features[0]["price"] == 9.5 and "rating" in result.missing[0]
    assert not result.is_degraded and not result.stale[0]


def test_no_package_is_found_before_a_run(tmp_path):
    assert newest_package(tmp_path) is None


def test_the_readme_has_the_printed_request():
    assert EXAMPLE.format(port=8080) in (ROOT / "README.md").read_text()


@pytest.mark.slow
def test_the_printed_request_is_answered(tmp_path):
    write_package(tmp_path / "state" / "packages" / "v1")
    port = free_ports(1)[0]
    command = [sys.executable, "-m", "serving", f"--package={newest_package(tmp_path)}", "--text-only", "--no-record"]
    url = f"http://127.0.0.1:{port}/v1/models/relevance"
    with process([*command, f"--port={port}"], url):
        curl = EXAMPLE.format(port=port).replace("\\\n", " ")
        answer = subprocess.run(["bash", "-c", curl], capture_output=True, text=True, check=True).stdout
        by_id = httpx.post(f"{url}:predict", json={"query": "shoes", "item_ids": ["i1"]})
    assert '"item_id":"i1"' in answer.replace(" ", "")
    assert by_id.status_code == 400 and "--text-only" in by_id.text

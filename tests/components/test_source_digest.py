"""What names the code that made a package."""

import re
import subprocess
from pathlib import Path

import pytest

from components import source_digest
from components.source_digest import git_sha


def test_an_image_is_named_by_its_tag(monkeypatch):
    monkeypatch.setenv("BROADFAST_IMAGE_TAG", "1f3a")
    assert git_sha() == "1f3a"


def test_a_checkout_is_named_by_its_commit(monkeypatch, tmp_path):
    monkeypatch.delenv("BROADFAST_IMAGE_TAG", raising=False)
    monkeypatch.setattr(source_digest, "ROOT", tmp_path)
    assert git_sha() == ""
    for words in (["init", "-q"], ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "x", "--allow-empty"]):
        subprocess.run(["git", "-C", str(tmp_path), *words], check=True)
    assert re.fullmatch("[0-9a-f]{12}", git_sha())
    Path(tmp_path, "new.py").write_text("")
    subprocess.run(["git", "-C", str(tmp_path), "add", "new.py"], check=True)
    assert git_sha().endswith("-dirty")


@pytest.mark.parametrize("tag", ["1f3a", ""])
def test_a_step_knows_the_tag_of_its_image(monkeypatch, tag):
    from pipelines.experiment import experiment
    from pipelines.resources import prepare_for_cluster

    monkeypatch.setenv("BROADFAST_IMAGE_TAG", tag)
    pipeline = prepare_for_cluster(experiment).pipeline_spec
    executor = pipeline.deployment_spec["executors"]["exec-move-traffic"]["container"]
    variables = {entry["name"]: entry["value"] for entry in executor["env"]} if "env" in executor else {}
    assert variables.get("BROADFAST_IMAGE_TAG", "") == tag

"""The pages say what is there: every target, file and runbook that they name."""

import re
from pathlib import Path

import pytest

from tests.manifests.rendered import objects

ROOT = Path(__file__).parent.parent
PAGES = sorted((ROOT / "docs").glob("*.md")) + [ROOT / "README.md"]
WRITTEN = {"manifests/overlays/production/images/kustomization.yaml"}  # by `make pin`
IDS = [page.name for page in PAGES]


def targets():
    phony = next(line for line in (ROOT / "Makefile").read_text().splitlines() if line.startswith(".PHONY:"))
    return set(phony.split()[1:])


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_every_make_target_of_a_page_is_one(page):
    named = set(re.findall(r"(?:^    |`)make ([a-z][a-z-]+)", page.read_text(), re.M))
    assert named <= targets(), named - targets()


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_every_path_of_a_page_is_there(page):
    rooms = "components|pipelines|serving|manifests|docs|tests|bench|simulation|feature_repo"
    named = set(re.findall(rf"`((?:{rooms})/[\w./-]+)`", page.read_text()))
    missing = {path for path in named if not (ROOT / path).exists() and path not in WRITTEN}
    assert not missing


def test_every_alert_has_its_page():
    headings = set(re.findall(r"^## (\w+)$", (ROOT / "docs" / "runbooks.md").read_text(), re.M))
    groups = [one["spec"]["groups"] for one in objects("staging") if one["kind"] == "PrometheusRule"][0]
    assert {rule["alert"] for group in groups for rule in group["rules"] if "alert" in rule} == headings

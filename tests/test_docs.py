"""Pages name only what exists: targets, files, modules, runbooks; and their commands parse."""

import importlib.util
import re
import shlex
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from serving.outcome_schemas import BatchContext, parse_outcomes
from serving.request_schemas import parse
from tests.manifests.rendered import objects

ROOT = Path(__file__).parent.parent
PAGES = sorted((ROOT / "docs").rglob("*.md")) + sorted(ROOT.glob("*.md"))
WRITTEN_BY_MAKE_PIN = {"manifests/overlays/production/images/kustomization.yaml"}
IDS = [page.name for page in PAGES]
ROOMS = "components|pipelines|serving|manifests|docs|tests|testing|bench|simulation|feature_repo|findings|workbench"
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def bash_blocks(page: Path) -> list[str]:
    """Return the shell commands of a page, a block each."""
    return [code for language, code in FENCE.findall(page.read_text()) if language == "bash"]


def command_lines(page: Path) -> list[list[str]]:
    """Return each command of a page's blocks as words."""
    joined = "\n".join(bash_blocks(page)).replace("\\\n", " ")
    return [shlex.split(line, comments=True) for line in joined.splitlines() if not line.startswith("#")]


def make_targets() -> set[str]:
    phony = next(line for line in (ROOT / "Makefile").read_text().splitlines() if line.startswith(".PHONY:"))
    return set(phony.split()[1:])


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_every_make_target_exists(page):
    in_prose = set(re.findall(r"`make ([a-z][a-z-]+)", page.read_text()))
    in_blocks = {words[1] for words in command_lines(page) if words[:1] == ["make"] and len(words) > 1}
    assert in_prose | in_blocks <= make_targets()


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_every_path_exists(page):
    paths = set(re.findall(rf"`((?:{ROOMS})/[\w./-]+)`", page.read_text()))
    assert {path for path in paths if not (ROOT / path).exists()} <= WRITTEN_BY_MAKE_PIN


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_every_link_leads_somewhere(page):
    links = re.findall(r"\]\(([^)#:]+)(?:#[\w-]+)?\)", page.read_text())
    assert not [link for link in links if not (page.parent / link).exists()]


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_every_module_exists(page):
    modules = set(re.findall(rf"python -m ((?:{ROOMS})[\w.]*)", page.read_text()))
    assert not [module for module in modules if importlib.util.find_spec(module) is None]


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_every_shell_block_parses(page):
    for block in bash_blocks(page):
        checked = subprocess.run(["bash", "-n"], input=block, capture_output=True, text=True, check=False)
        assert checked.returncode == 0, checked.stderr


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_every_request_fits_the_schema(page):
    for words in command_lines(page):
        if "curl" in words and "-d" in words:
            body = words[words.index("-d") + 1].encode()
            if any(word.endswith("/outcomes") for word in words):
                assert parse_outcomes(body, BatchContext(datetime.now(UTC)))
            else:
                assert parse(body).ids


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_no_argument_of_make_is_a_redirection(page):
    for words in command_lines(page):
        if words[:1] == ["make"]:
            for word in words[1:]:
                assert not {"<", ">"} & set(shlex.shlex(word, posix=True, punctuation_chars=True))


def test_every_alert_links_to_its_runbook():
    headings = re.findall(r"^## (\w+)$", (ROOT / "docs" / "operations" / "runbooks.md").read_text(), re.MULTILINE)
    manifests = objects("staging")
    address = next(one for one in manifests if one["metadata"]["name"] == "broadfast-links")["data"]["runbooks"]
    rules = next(one for one in manifests if one["kind"] == "PrometheusRule")
    alerts = [rule for group in rules["spec"]["groups"] for rule in group["rules"] if "alert" in rule]
    assert {rule["alert"] for rule in alerts} == set(headings)
    links = {rule["annotations"]["runbook_url"] for rule in alerts}
    assert links == {f"{address}#{heading.lower()}" for heading in headings} and address.startswith("https://")


def test_the_readme_stays_short():
    readme = (ROOT / "README.md").read_text()
    assert len(readme.split()) <= 800
    assert len(re.findall(r"!\[|<img ", readme)) >= 3

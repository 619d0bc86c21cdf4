"""The scripts of findings/: listed, pinned, and free of any machine's paths. They run outside CI."""

import os
import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "findings"
SCRIPTS = sorted(FOLDER.glob("*.sh"))
ROW = re.compile(r"^\| `([a-z0-9-]+)` \| ([^|]+) \|", re.MULTILINE)
PACKAGE = re.compile(r"([a-z0-9-]+)==([0-9][0-9.]*)")
MACHINE_PATH = re.compile(r"(?<![\w.$}:/\"])/(home|root|tmp|opt|work|Users|usr/local|mnt|srv)\b")


def test_the_table_names_every_script():
    rows = [name for name, _ in ROW.findall((FOLDER / "README.md").read_text())]
    assert rows == [path.stem for path in SCRIPTS]


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_a_script_pins_all_it_installs(path):
    installs = re.findall(r"pip\" install --quiet (.+)", path.read_text())
    assert installs
    for package in " ".join(installs).split():
        assert PACKAGE.fullmatch(package), package


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_the_table_gives_the_pinned_versions(path):
    pinned = dict(PACKAGE.findall(path.read_text()))
    packages = dict(ROW.findall((FOLDER / "README.md").read_text()))[path.stem]
    for package in packages.split(", "):
        name, version = package.split(" ")
        assert pinned[name] == version


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_a_script_stops_at_errors_and_tidies(path):
    text = path.read_text()
    assert os.access(path, os.X_OK)
    assert text.startswith("#!/usr/bin/env bash\n# Expected: ")
    for line in ("set -eu\n", "folder=$(mktemp -d)\n", "trap 'rm -rf \"$folder\"' EXIT\n"):
        assert line in text


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_a_script_names_no_machine(path):
    assert not MACHINE_PATH.search(path.read_text())
    assert not re.search(r"--(extra-)?index-url|https?://(?!127\.0\.0\.1)", path.read_text())

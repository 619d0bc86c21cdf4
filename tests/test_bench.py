"""Measurements that take hours say at once what they could not read."""

from importlib import import_module

import pytest
from typer.testing import CliRunner


@pytest.mark.parametrize("name", ["ablation.measure", "student.measure", "teacher.measure"])
def test_a_folder_without_the_pairs_is_refused_before_anything_runs(name, tmp_path):
    said = CliRunner().invoke(import_module(f"bench.{name}").app, ["--esci", str(tmp_path)])
    assert said.exit_code == 2
    assert "no esci_pairs.parquet" in " ".join(said.output.replace("│", " ").split())

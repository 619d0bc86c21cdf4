"""Measurements name a missing input at once, and the ablation scores what it trains."""

from dataclasses import replace
from importlib import import_module

import pytest
from typer.testing import CliRunner

from bench.ablation.results import read_answers, summarise_row
from bench.ablation.rows import Row
from bench.ablation.worker import main as run_worker


@pytest.mark.parametrize("name", ["ablation.measure", "student.measure", "teacher.measure"])
def test_a_folder_without_pairs_is_refused(name, tmp_path):
    result = CliRunner().invoke(import_module(f"bench.{name}").app, ["--esci", str(tmp_path)])
    assert result.exit_code == 2
    assert "no esci_pairs.parquet" in " ".join(result.output.replace("│", " ").split())


@pytest.mark.slow
@pytest.mark.parametrize("architecture", ["cross_encoder", "late_interaction"])
def test_the_ablation_scores_every_valid_pair(tables, config, tmp_path, architecture):
    row = Row("marketplace", "LRKD", "dpo", replace(config, architecture=architecture))
    (tmp_path / row.name).mkdir()
    run_worker(str(tables[0]), str(tables[1]), row.config.to_json(), str(tmp_path / row.name / "0.json"))
    answer = read_answers(tmp_path / row.name, 3)[0]
    assert len(answer["predicted"]) == len(answer["predicted_int8"]) == len(answer["labels"]) == 24
    figures = summarise_row(row, tmp_path, 3)
    assert (figures["seeds"], figures["queries"]) == (1, 6)
    assert figures["accuracy_low"] <= figures["accuracy"] <= figures["accuracy_high"]

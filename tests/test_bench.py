"""Measurements name a missing input at once, and the ablation scores what it trains."""

import json
from dataclasses import replace
from importlib import import_module

import pytest
from typer.testing import CliRunner

from bench.ablation.results import read_answers, summarise_row
from bench.ablation.rows import Row
from bench.ablation.worker import main as run_worker
from bench.figures import write_results


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


def test_results_are_one_flat_object(tmp_path):
    figures = {"ratio": 1.5, "rpm": {"low": -1, "high": 2}, "seeds": [0.5, 0.25], "missing": None}
    path = write_results("speed", figures, "two pairs", tmp_path)
    results = json.loads(path.read_text())
    assert results["measured_on"] == "two pairs" and {"date", "machine"} <= results.keys()
    assert {"ratio": 1.5, "rpm_low": -1, "rpm_high": 2, "seeds_1": 0.5, "seeds_2": 0.25}.items() <= results.items()
    assert "missing" not in results

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
from bench.loop.measure import compare, count_megabytes, describe_run


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


def test_a_runs_cost_is_told_by_step(tmp_path):
    step = {"title": "judge teacher (SFT)", "seconds": 2.0, "cpu_seconds": 3.5, "memory_gb": 1.2}
    steps = [step, step | {"memory_gb": 1.1}]
    cost = {"wall_seconds": 5.0, "cpu_seconds": 8.0, "peak_memory_gb": 1.5, "load_average": 2.0}
    shoppers = {"pre-period": {"users": 5}, "look 1": {"users": 7}, "look 2": {"users": 8}}
    summary = {"cost": cost, "steps": steps, "decision": "promote", "shoppers": shoppers}
    (tmp_path / "latest").mkdir()
    (tmp_path / "latest" / "summary.json").write_text(json.dumps(summary))
    figures = describe_run(tmp_path)
    assert (figures["seconds"], figures["cpu_seconds_by_step"]) == (
        {"judge_teacher_sft": 4.0},
        {"judge_teacher_sft": 7.0},
    )
    assert figures["memory_gb_by_step"] == {"judge_teacher_sft": 1.2}
    assert (figures["wall_seconds"], figures["minutes"], figures["peak_memory_gb"]) == (5.0, 0.1, 1.5)
    assert (figures["decision"], figures["users"], figures["load_average"]) == ("promote", 15, 2.0)


def test_a_file_of_two_names_counts_once(tmp_path):
    (tmp_path / "weights").write_bytes(bytes(3_000_000))
    (tmp_path / "copy").hardlink_to(tmp_path / "weights")
    assert count_megabytes(tmp_path) == 3


def test_profiles_are_compared_where_both_ran():
    laptop = {"cpu_seconds": 3000, "wall_seconds": 1500}
    quick = {"cpu_seconds": 1000, "wall_seconds": 600, "seconds_to_first_picture": 9.5}
    assert compare({"laptop": laptop, "quick": quick}) == {
        "ratio_cpu": 0.333,
        "ratio_wall": 0.4,
        "seconds_to_first_picture": 9.5,
    }
    assert compare({"quick": quick}) == {}

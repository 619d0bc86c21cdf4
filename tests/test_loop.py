"""The whole loop once, on the smoke profile, with everything real: judgements to canary to verdict; then again."""

import json
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

pytestmark = pytest.mark.slow


def loop(home: Path) -> tuple[subprocess.CompletedProcess, dict]:
    """Run the command that a person types, and read what it left."""
    command = [sys.executable, "-m", "pipelines.local.run", "--profile", "smoke", "--home", str(home)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    summary = home / "latest" / "summary.json"
    assert summary.exists(), done.stdout + done.stderr
    return done, json.loads(summary.read_text())


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def first(home):
    return loop(home)


def test_the_loop_ends_well_and_says_what_was_decided(first):
    done, summary = first
    assert done.returncode == 0, done.stdout + done.stderr
    assert summary["sentence"] in " ".join(done.stdout.split())


def test_the_canary_took_traffic_and_the_experiment_ended(first):
    summary = first[1]
    assert summary["decision"] in ("promote", "roll back", "inconclusive")
    assert summary["state"]["experiment"]["status"] != "running"
    assert {"pre-period", "look 1"} <= summary["shoppers"].keys()


def test_no_row_is_lost_in_any_step(first):
    for step in first[1]["steps"]:
        facts = step["facts"]
        assert facts["rows_in"] == facts["rows_out"] + facts["set_aside"], step["title"]


def test_every_stage_had_real_rows(first):
    retrain = first[1]["retrain"]
    sampling = ("gather-rationales", "gather-rationales-2", "report-teacher")
    for name in ("prepare-judgements", "build-features", *sampling, "train-student"):
        assert retrain[name]["rows_out"] > 0, name


def test_the_student_was_aligned_to_what_the_teacher_wrote_and_not_to_exemplars(first):
    retrain = first[1]["retrain"]
    assert 0 < retrain["train-student"]["aligned"] <= retrain["embed-rationales"]["rows_out"]
    assert retrain["train-student-2"]["aligned"] == 0


def test_the_report_is_one_page_and_no_process_is_left(first, home):
    assert "not audited" in (home / "latest" / "report.html").read_text()
    assert (home / "latest" / "audit.csv").stat().st_size > 0
    ours = [p for p in psutil.process_iter() if str(home) in " ".join(p.cmdline())]
    assert not ours


def test_a_second_unchanged_run_takes_every_costly_step_from_the_first(first, home):
    done, summary = loop(home)
    assert done.returncode == 0, done.stdout + done.stderr
    cached = {step["title"] for step in summary["steps"] if step["cached"]}
    assert {"start teacher", "sample rationales", "fine-tune teacher (SFT)", "distil student (LRKD)"} <= cached

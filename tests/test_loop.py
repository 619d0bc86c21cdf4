"""The whole loop once, on the smoke profile with tiny models: judgements to canary to verdict; then again."""

import json
import subprocess
import sys
from pathlib import Path

import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.judgements.clicks import SCHEMA
from pipelines.local.sources import generate_marketplace
from pipelines.profiles import PROFILES
from testing.rows import click_row
from testing.tiny_encoder import save_tiny_encoder
from testing.tiny_llm import save_tiny_llm

pytestmark = pytest.mark.slow
PROFILE = "tiny.json"
UNJUDGED = "shown.csv"
CLICKS = "clicks.parquet"
RATES = {"Exact": 0.4, "Substitute": 0.15, "Complement": 0.05, "Irrelevant": 0.01}  # clicks a look


def loop(home: Path) -> tuple[subprocess.CompletedProcess, dict]:
    """Run the command that a person types, with a profile of their own, and read its summary."""
    command = [
        sys.executable,
        "-m",
        "pipelines.local.run",
        "--profile",
        str(home.parent / PROFILE),
        "--home",
        str(home),
        "--unjudged",
        str(home.parent / UNJUDGED),
        "--teacher-labels",
        "local",
        "--click-judgements",
        str(home.parent / CLICKS),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    summary = home / "latest" / "summary.json"
    assert summary.exists(), done.stdout + done.stderr
    return done, json.loads(summary.read_text())


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    folder = tmp_path_factory.mktemp("loop")
    (folder / "encoder").mkdir()
    models = {"base_model": str(save_tiny_llm(folder / "llm"))}
    models["student"] = {"encoder": str(save_tiny_encoder(folder / "encoder", positions=128))}
    models["teacher_labels"] = {"pairs": 4}
    (folder / PROFILE).write_text(json.dumps({"extends": "smoke"} | models))
    pairs = [f"hiking boots {number},Trail boot {number}" for number in range(4)]
    (folder / UNJUDGED).write_text("\n".join(["query,title", *pairs]))
    write_clicks(folder)
    return folder / "runs"


def write_clicks(folder: Path) -> None:
    """Write clicks that know every judged pair, and four pairs that nobody judged."""
    market = generate_marketplace(PROFILES["smoke"]().marketplace, folder)
    judged = pq.read_table(market / "judgements.parquet").to_pylist()
    rows = [click_row(query=row["query"], item_id=row["item_id"], grade=RATES[row["label"]]) for row in judged]
    others = [click_row(query=f"never judged {number}", item_id=judged[0]["item_id"]) for number in range(4)]
    pq.write_table(pa.Table.from_pylist(rows + others, schema=SCHEMA), folder / CLICKS)


@pytest.fixture(scope="module")
def first(home):
    return loop(home)


def test_the_loop_ends_with_its_decision(first):
    done, summary = first
    assert done.returncode == 0, done.stdout + done.stderr
    assert summary["sentence"] in " ".join(done.stdout.split())


def test_the_canary_took_traffic_to_the_end(first):
    summary = first[1]
    assert summary["decision"] in ("promote", "roll back", "inconclusive")
    assert summary["state"]["experiment"]["status"] != "running"
    assert {"pre-period", "look 1"} <= summary["shoppers"].keys()


def test_pages_were_interleaved_on_the_way(first):
    summary = first[1]
    looks = [step["decide-experiment"]["look"] for step in summary["experiment"]]
    assert looks[0]["verdict"] == "interleave"
    preference = looks[1]["preference"]
    assert preference["users"]["all"] == summary["shoppers"]["look 1"]["users"]
    assert preference["used"] == 10 * preference["pages"]["all"] and not preference["fallback_pages"]
    assert preference["coin"]["checked_drafts"] and not preference["coin"]["wrong_drafts"]
    assert preference["second_opinion"]["pages"] == preference["pages"]["all"]


def test_the_release_stands_in_the_history(first):
    releases = first[1]["calibration"]["releases"]
    assert [release["status"] for release in releases] == [first[1]["state"]["experiment"]["status"]]
    assert releases[0]["figures"]["offline"]


def test_no_row_is_lost_in_any_step(first):
    for step in first[1]["steps"]:
        facts = step["facts"]
        assert facts["rows_in"] == facts["rows_out"] + facts["quarantined"], step["title"]


def test_every_stage_had_real_rows(first):
    retrain = first[1]["retrain"]
    sampling = ("gather-rationales", "gather-rationales-2", "report-teacher")
    for name in ("prepare-judgements", "build-features", *sampling, "train-student"):
        assert retrain[name]["rows_out"] > 0, name


def test_the_student_learns_from_final_rationales_only(first):
    retrain = first[1]["retrain"]
    assert 0 < retrain["train-student-2"]["aligned"] <= retrain["embed-rationales"]["rows_out"]
    assert retrain["train-student"]["aligned"] == 0


def test_unjudged_pairs_are_asked_about_once(first):
    retrain = first[1]["retrain"]
    final = retrain["gather-rationales-2"]
    assert (retrain["collect-unjudged"]["rows_out"], final["unjudged_pairs"]) == (4, 4)
    assert retrain["train-student-2"]["unjudged"] <= 8 and retrain["train-student"]["unjudged"] == 0


def test_a_random_teacher_labels_nothing(first):
    retrain = first[1]["retrain"]
    assert retrain["generate-rationales-6"]["rows_in"] == 12  # four held-out pairs, from each perspective
    refusal = retrain["qualify-labels"]["refusal"]
    assert refusal.startswith("no unjudged pair gets a label: ")
    assert retrain["label-unjudged"]["absent"] == "no unjudged pair gets a label"


def test_clicks_that_know_people_teach(first):
    retrain = first[1]["retrain"]
    clicks = retrain["add-click-labels"]
    held_out = retrain["qualify-clicks"]["agreement_with_people"]["valid"]
    assert (clicks["used"], clicks["of_unjudged_queries"]) == (4, 4) and held_out["same"] == held_out["pairs"] >= 20
    assert clicks["labels"]["Exact"] == 4 and clicks["headline"].startswith("4 pairs of 4 queries")
    assert retrain["collect-clicks"]["judged"] == clicks["judged"] > 4
    assert 0 < retrain["train-student-2"]["labelled"] <= 4 and retrain["train-student"]["labelled"] == 0


def test_one_page_and_no_process_are_left(first, home):
    assert "not audited" in (home / "latest" / "report.html").read_text()
    assert (home / "latest" / "audit.csv").stat().st_size > 0
    ours = [p for p in psutil.process_iter(["cmdline"]) if str(home) in " ".join(p.info["cmdline"] or ())]
    assert not ours


def test_a_second_run_repeats_no_costly_step(first, home):
    done, summary = loop(home)
    assert done.returncode == 0, done.stdout + done.stderr
    cached = {step["title"] for step in summary["steps"] if step["cached"]}
    assert {"start teacher", "sample rationales", "fine-tune teacher (SFT)", "distil student (LRKD)"} <= cached

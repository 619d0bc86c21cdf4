"""One look, as its steps take it: logs from S3, evidence, verdict, page; and as the pipeline strings them together."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from kfp import dsl

from components import contracts, storage
from components.event_logs import SCHEMAS
from components.experiment import component
from components.experiment.assignment import arm, user_hash
from components.experiment.logs import moment, running_experiment
from components.experiment.plan import ExperimentPlan
from components.experiment_progress import read_progress
from components.log_gaps import LogGap, object_name
from components.monitoring.exporter import newest_look
from components.release_state import Experiment, Stage
from components.release_store import update_state
from components.settings import Settings
from tests.components.experiment.interleaved_rows import click, fair_page, page
from tests.components.experiment.log_rows import request

pytestmark = pytest.mark.slow
START = datetime(2026, 1, 5, 23, tzinfo=UTC)
NOW = START + timedelta(hours=2)
STAGES = [{"share": share, "started": (START + timedelta(hours=share)).isoformat()} for share in (0.0, 0.5)]
EXPERIMENT = {"experiment_id": "e1", "salt": "e1", "stages": STAGES, "status": "running"}
RUNNING = Experiment.from_json(EXPERIMENT)
NAMES = {"query_id": "q", "query": "red shoe", "locale": "us", "query_class": "head", "category": "Shoes"}
PLAN = ExperimentPlan(
    shares=(0.0, 0.5), minimum_users=50, dwell_seconds=60, maximum_looks=2, horizon_users=400, minimum_requests=1
)


def exposure_row(number, time):
    user = user_hash("secret", f"u{number}")
    side = arm(user, "e1", 0.5) if time >= moment(STAGES[1]["started"]) else "control"
    version = {"control": "v1", "treatment": "v2"}[side]
    row = {"time": time, "request_id": f"{number}-{time:%H}", "experiment_id": "e1", "user_hash": user}
    return row | {"assigned_arm": side, "version": version}


@pytest.fixture
def running(s3, tmp_path):
    """300 users, seen before the split and after; treatment earns twice as much."""
    update_state(lambda state: replace(state, stable="v1", candidate="v2", experiment=RUNNING), "test")
    rng = np.random.default_rng(7)
    rows = [exposure_row(n, START + timedelta(hours=h)) for n in range(300) for h in (0, 1)]
    item = {"item_id": "i1", "position": 1, "score": 0.5, "stale": False} | contracts.NO_DRAFT
    logs = {"exposures": [row | NAMES | item for row in rows]}
    logs["requests"] = [row | {"status": 200, "latency_ms": 5.0, "items": 1, "missing_features": 0} for row in rows]
    logs["outcomes"] = [
        {"time": row["time"], "request_id": row["request_id"], "item_id": "i1", "kind": "order", "currency": "USD"}
        | {
            "order_id": None,
            "grade": None,
            "revenue": int(rng.integers(80, 120)) * (1 + (row["assigned_arm"] == "treatment")),
        }
        for row in rows
    ]
    for kind, schema in SCHEMAS.items():
        contracts.write(logs[kind], schema, tmp_path / kind / "hour=23" / "one.parquet")
        storage.put_folder(tmp_path / kind, f"logs/{kind}/date=2026-01-06")


def take_look(tmp_path, plan=PLAN, now=NOW):
    verdict = dsl.Artifact(uri=str(tmp_path / "verdict"))
    page = dsl.HTML(uri=str(tmp_path / "page"))
    sums = dsl.Dataset(uri=str(tmp_path / "sums"))
    merged_sums = dsl.Dataset(uri=str(tmp_path / "merged"))
    look = dsl.Artifact(uri=str(tmp_path / "look"))
    facts = [dsl.Metrics(uri=str(tmp_path / name)) for name in ("begin-facts", "logs-facts", "verdict-facts")]
    component.begin_look.python_func(now.isoformat(), look, facts[0])
    component.collect_logs.python_func(look, "0/1", sums, facts[1])
    word = component.decide_experiment.python_func(look, [sums], plan.to_json(), merged_sums, verdict, page, facts[2])
    return word, json.loads((tmp_path / "verdict").read_text())


def test_a_candidate_that_earns_more_is_promoted(running, tmp_path):
    word, verdict = take_look(tmp_path)
    assert word == "promote"
    assert verdict["figures"]["rpm_lift"]["estimate"] == pytest.approx(1.0, abs=0.1)
    assert verdict["figures"]["metrics"]["rpm"] == verdict["figures"]["rpm_lift"]
    progress = read_progress(RUNNING, NOW)
    assert progress.last_look.startswith("promote, at 2026-01-06 01:00 UTC: RPM is higher")
    assert progress.lift.endswith("valid at every look), 300 users") and progress.guardrails.startswith("none broken")
    assert (verdict["used"], verdict["set_aside"], verdict["disagreements"]) == (300, {"pre-period": 300}, 0)


def test_rows_that_were_not_recorded_hold_it(running, tmp_path):
    gap = LogGap(NOW - timedelta(minutes=9), NOW - timedelta(minutes=5), {"exposures": 1}, "the spool is full")
    name = object_name(gap, "server-1")
    storage.put_bytes(name, gap.to_json())
    word, verdict = take_look(tmp_path)
    storage.client().remove_object(Settings().s3_bucket, name)
    assert word == "inconclusive"
    assert verdict["reason"].startswith("the logs lack 1 of the exposures between 2026-01-06 00:51 and")


def test_counts_add_up_and_the_page_has_charts(running, tmp_path):
    take_look(tmp_path)
    facts = json.loads((tmp_path / "verdict-facts").read_text())
    assert (facts["rows_in"], facts["rows_out"], facts["quarantined"]) == (600, 300, 300)
    assert "data:image/svg+xml" in (tmp_path / "page").read_text()


def test_the_same_moment_is_the_same_look(running, tmp_path):
    plan = replace(PLAN, maximum_looks=9, minimum_effect_rpm=9.0, horizon_users=4_000)
    counts = [take_look(tmp_path, plan, NOW + timedelta(minutes=at))[1]["figures"]["looks"] for at in (0, 0, 1)]
    assert counts == [1, 1, 2]


def test_a_pause_costs_no_look_and_decides_nothing(running, tmp_path):
    update_state(lambda state: replace(state, experiment=replace(RUNNING, is_paused=True)), "test")
    looks = [take_look(tmp_path, now=NOW + timedelta(minutes=at)) for at in range(5, 8)]
    word, verdict = looks[-1]
    assert word == "continue" and len({verdict["figures"]["looks"] for _, verdict in looks}) == 1
    assert verdict["figures"]["rpm_lift"] and "a person has paused" in (tmp_path / "page").read_text()
    assert newest_look(RUNNING) == verdict
    update_state(lambda state: replace(state, experiment=RUNNING), "test")
    assert take_look(tmp_path, now=NOW + timedelta(minutes=8))[0] == "promote"


INTERLEAVED = replace(RUNNING, stages=(RUNNING.stages[0], Stage(0.0, STAGES[0]["started"], 1.0)))


def interleaved_logs(users, chances):
    """Return pages with the experiment's coins, and clicks on either's first item by its team's chance."""
    rng = np.random.default_rng(11)
    exposures = []
    outcomes = []
    for number in range(users):
        user = user_hash("secret", f"u{number}")
        teams = fair_page(user)
        exposures += page(f"i{number}", user, teams, START)
        clicked = [place for place in (1, 2) if rng.random() < chances[teams[place - 1][0]]]
        outcomes += [click(f"i{number}", place, time=START) for place in clicked]
    return exposures, outcomes


@pytest.mark.parametrize(
    ("chances", "promotes", "word", "sentence"),
    [
        ({"A": 0.1, "B": 0.5}, True, "promote", "users prefer the candidate's items: vote +0."),
        ({"A": 0.1, "B": 0.5}, False, "ramp", "on to the A/B test at 50%"),
        ({"A": 0.5, "B": 0.1}, True, "roll back", "stable's items are preferred: vote -0."),
        ({"A": 0.3, "B": 0.3}, True, "continue", "is not told yet, after 400 users of 1,000"),
    ],
)
def test_interleaved_pages_decide(running, tmp_path, chances, promotes, word, sentence):
    update_state(lambda state: replace(state, experiment=INTERLEAVED), "test")
    exposures, outcomes = interleaved_logs(400, chances)
    requests = [
        request(f"i{number}", version, START, assigned_arm="interleave", experiment_id="e1")
        for number in range(400)
        for version in ("v1", "v2")
    ]
    for kind, rows in (("exposures", exposures), ("outcomes", outcomes), ("requests", requests)):
        contracts.write(rows, SCHEMAS[kind], tmp_path / "more" / kind / "hour=23" / "two.parquet")
        storage.put_folder(tmp_path / "more" / kind, f"logs/{kind}/date=2026-01-05")
    plan = replace(PLAN, interleaved_share=1.0, interleaved_minimum_users=100, interleaved_horizon_users=1_000)
    taken, verdict = take_look(tmp_path, replace(plan, promote_on_preference=promotes))
    assert (taken, verdict["preference"]["users"]["all"]) == (word, 400) and sentence in verdict["reason"]
    assert verdict["preference"]["coin"]["checked_drafts"] == 400
    assert verdict["preference"]["coin"]["wrong_drafts"] == 0
    assert verdict["set_aside"]["interleaved page"] == 2_000 and verdict["figures"]["stage"] == 0
    assert running_experiment(NOW + timedelta(minutes=1)).preference == verdict["preference"]
    assert [look["users"] for look in verdict["preference"]["over_looks"]] == [400]
    preference = verdict["preference"]
    assert read_progress(INTERLEAVED, NOW).preference == f"{preference['verdict']}: {preference['reason']}"
    page_text = (tmp_path / "page").read_text()
    assert "Which items users prefer" in page_text and "400 of 400" in page_text


def test_a_dark_candidate_is_interleaved_first(running, tmp_path):
    update_state(lambda state: replace(state, experiment=replace(RUNNING, stages=RUNNING.stages[:1])), "test")
    plan = replace(PLAN, ramp_users=100, ramp_seconds=0, interleaved_share=0.2)
    word, verdict = take_look(tmp_path, plan)
    assert (word, verdict["interleaved_share"], verdict["next_share"]) == ("interleave", 0.2, 0.5)


def test_without_an_experiment_the_steps_say_so(s3, tmp_path):
    word, verdict = take_look(tmp_path)
    assert (word, verdict["reason"]) == ("none", "no experiment is running")
    assert json.loads((tmp_path / "begin-facts").read_text())["headline"] == "no experiment is running"
    assert "no experiment is running" in (tmp_path / "page").read_text()


def test_a_time_without_a_zone_is_refused():
    with pytest.raises(ValueError, match="names no time zone"):
        moment("2026-01-05T08:00:00")

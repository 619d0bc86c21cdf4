"""The table of all releases, from a history that the state machine made and looks that were stored."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from components import storage
from components.experiment.calibration import count_agreements, main, read_calibration
from components.experiment.logs import running_experiment, store_look
from components.experiment.release_figures import FIGURES, Figure, ReleaseFigures
from components.release import state_machine
from components.release.gate_verdict import Difference, GateVerdict
from components.release.training_run import METRICS, record_night
from components.release_state import Intent
from components.release_store import update_state

pytestmark = pytest.mark.slow
START = datetime(2026, 1, 5, 8, tzinfo=UTC)


def interval(estimate, reach=0.05):
    return {"estimate": estimate, "low": estimate - reach, "high": estimate + reach}


def spend_night(version, serving, gain, now):
    """Store what a gate found."""
    metrics = {name: dict.fromkeys(METRICS, 0.8) for name in ("candidate", "baseline")}
    differences = {"ndcg_at_10": Difference(gain, gain - 0.01, gain + 0.01)}
    verdict = GateVerdict("release", [], version, serving, 10, 5, metrics, differences)
    record_night(verdict, [], 0.0, now=now)


def look(now, **document):
    """Store a look at the running experiment."""
    setup = running_experiment(now)
    store_look({"now": now.isoformat(), "experiment_id": setup.experiment_id} | document, setup)


def move(change, what):
    return update_state(change, what)


def release(number, version, gain, vote, rpm, status):
    """Take a version through dark, interleaved, A/B test and its end, with a look in each."""
    now = START + timedelta(days=number)
    serving = move(lambda state: replace(state, stable=state.stable or "v0"), "baseline registered").stable
    spend_night(version, "" if number == 0 else serving, gain, now)
    move(lambda state: state_machine.release_version(state, version, now), "released")
    look(now, figures={"metrics": {"rpm": interval(9.0)}})
    if vote is not None:
        move(lambda state: state_machine.set_intent(state, Intent("interleave", percent=100)), "interleave")
        move(lambda state: state_machine.set_interleaving(state, 100, now), "interleaved")
        for minute, estimate in ((1, -vote), (2, vote)):
            told = {"credit": "vote", "preference": {"vote": interval(estimate)}}
            told["second_opinion"] = {"interval": interval(2 * estimate)}
            look(now + timedelta(minutes=minute), preference=told, figures={"metrics": {"rpm": None}})
    if rpm is not None:
        for minute, percent, estimate in ((3, 5, -rpm), (4, 50, rpm)):
            move(
                lambda state, percent=percent: state_machine.set_intent(state, Intent("ramp", percent=percent)), "ramp"
            )
            move(lambda state, percent=percent: state_machine.set_share(state, percent, now), "share set")
            metrics = {"rpm": interval(estimate, 0.2), "click_through": None}
            look(now + timedelta(minutes=minute), figures={"metrics": metrics})
    if status == "promoted":
        move(lambda state: state_machine.set_intent(state, Intent("promote")), "promote")
        move(state_machine.begin_promotion, "promotion begun")
    move(lambda state: state_machine.end_experiment(state, status, now), status)


@pytest.fixture
def history(s3):
    release(0, "v1", gain=0.03, vote=0.2, rpm=0.1, status="promoted")
    release(1, "v2", gain=0.02, vote=-0.1, rpm=None, status="rolled back")
    release(2, "v3", gain=-0.04, vote=None, rpm=-0.3, status="inconclusive")
    yield
    for folder in ("release/nights", "experiment"):  # which other tests with the same S3 would read
        storage.remove_folder(folder)


def test_every_release_has_its_own_figures(history):
    releases, _ = read_calibration()
    assert [(one.candidate, one.stable, one.status) for one in releases] == [
        ("v1", "v0", "promoted"), ("v2", "v1", "rolled back"), ("v3", "v1", "inconclusive")
    ]  # fmt: skip
    estimates = [[figure and figure.estimate for figure in one.figures.values()] for one in releases]
    assert estimates == [
        [0.03, 0.2, 0.4, None, 0.1], [0.02, -0.1, -0.2, None, None], [-0.04, None, None, None, -0.3]
    ]  # fmt: skip
    assert releases[0].figures["offline"] == Figure(0.03, pytest.approx(0.02), pytest.approx(0.04))


def test_signs_are_counted_where_both_are_there(history):
    agreements = {(one.first, one.second): one for one in read_calibration()[1]}
    assert ("offline", "click_through") not in agreements
    offline = agreements["offline", "preference"]
    assert (offline.releases, offline.same_sign, offline.both_told, offline.told_same_sign) == (2, 1, 2, 1)
    assert 0 < offline.low < 0.1 and 0.9 < offline.high < 1
    lift = agreements["offline", "rpm"]
    assert (lift.releases, lift.same_sign, lift.both_told, lift.told_same_sign) == (2, 2, 1, 1)
    assert agreements["preference", "rpm"].releases == 1


def test_the_command_prints_both_forms(history, capsys):
    assert main([]) == 0
    text = capsys.readouterr().out
    assert (
        ": v2 against v1, rolled back\n  NDCG@10, offline: +0.0200 (+0.0100 to +0.0300)\n  preference: -0.1000" in text
    )
    assert "same sign, NDCG@10, offline and lift of RPM: 2 of 2 (16% to 100%); 1 of 1 where both are told" in text
    assert main(["--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert len(document["releases"]) == 3 and document["releases"][2]["figures"]["preference"] is None


def test_nothing_released_is_said(s3, capsys):
    assert main([]) == 0
    assert capsys.readouterr().out == "no experiment has begun yet\n"


def test_nights_of_other_versions_promise_nothing(history):
    storage.put_json("release/nights/20260109T000000Z.json", {"version": "v3", "serving_version": "v9", "gains": {}})
    assert read_calibration()[0][2].figures["offline"].estimate == -0.04


def test_a_difference_of_zero_agrees_with_nothing():
    zero = Figure(0.0, -0.1, 0.1)
    one = ReleaseFigures("e", "v1", "v0", "promoted", dict.fromkeys(FIGURES, zero))
    assert {agreement.same_sign for agreement in count_agreements([one])} == {0}

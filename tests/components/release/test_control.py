"""A person's commands: what they do to the state, and what they leave in its history."""

import pytest

from components import package_manifest
from components.release import canary, candidate
from components.release.control import parse_args, run_command, user_name
from components.release_store import read_state
from tests.components.release.test_canary import Notes, judged, released

pytestmark = pytest.mark.slow


@pytest.fixture
def started(s3, package):
    candidate.register_baseline(package("old"))
    candidate.start_canary(package("new"), released(package("new")))
    return {name: package_manifest.version(package(name)) for name in ("old", "new")}


def asked(*words, notes=None):
    reason = [] if words == ("status",) else ["--reason", "seen on the dashboard", "--by", "ada"]
    return run_command(parse_args([*words, *reason]), lambda: (notes or Notes()).context)


def test_while_a_person_pauses_nothing_is_moved_and_resume_ends_that(started):
    asked("pause")
    canary.move_traffic(judged("ramp"), Notes().context)
    assert read_state().traffic_percent == 0
    asked("resume")
    canary.move_traffic(judged("ramp"), Notes().context)
    assert read_state().traffic_percent == 50


def test_while_a_person_pauses_a_guardrail_still_rolls_back_and_a_look_from_before_does_not(started):
    asked("pause")
    canary.move_traffic(judged("roll back"), Notes().context)
    assert read_state().experiment.status == "running"
    canary.move_traffic(judged("roll back", paused=True), Notes().context)
    assert read_state().experiment.status == "rolled back"


def test_a_veto_ends_the_experiment_and_stays_in_the_history_with_its_name(started):
    state = asked("veto")
    assert state.experiment.status == "vetoed" and state.candidate is None
    entry = next(entry for entry in state.history if entry.what == "decided: vetoed")
    assert (entry.by, entry.reason) == ("ada", "seen on the dashboard")


def test_force_promotes_rolls_back_or_ramps_without_a_verdict(started):
    assert asked("force", "ramp", "25").traffic_percent == 25
    assert asked("force", "promote").stable == started["new"]


def test_without_a_running_experiment_there_is_nothing_to_steer(s3):
    assert asked("status").experiment is None
    with pytest.raises(ValueError, match="nothing to veto"):
        asked("veto")


def test_a_ramp_needs_a_percent(capsys):
    with pytest.raises(SystemExit):
        parse_args(["force", "ramp", "--reason", "-"])
    assert "force ramp takes a PERCENT" in capsys.readouterr().err


def test_canary_ramps_the_version_whose_experiment_runs_and_no_other(started, package):
    assert asked("canary", started["new"], "5").traffic_percent == 5
    with pytest.raises(ValueError, match=f"the experiment of {started['new']} runs"):
        asked("canary", "another", "5")


def test_canary_begins_the_experiment_of_a_registered_version_where_none_runs(started, package):
    asked("veto")
    state = asked("canary", started["new"], "0")
    assert state.candidate == started["new"] and state.traffic_percent == 0
    asked("veto")
    with pytest.raises(ValueError, match="no package unheard-of is registered"):
        asked("canary", "unheard-of", "5")
    with pytest.raises(ValueError, match="is stable already"):
        asked("canary", started["old"], "5")


def test_a_user_without_a_passwd_entry_is_named_by_number(monkeypatch):
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("os.getuid", lambda: 65532)  # as in a pod
    assert user_name() == "uid 65532"
    assert parse_args(["status"]).verb == "status"

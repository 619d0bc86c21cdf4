"""A person's commands: what they do to the state, and what they leave in its history."""

import pytest

from components import package_manifest
from components.release import canary, candidate
from components.release.control import parse_args, run_command, user_name
from components.release.decisions import decide
from components.release_state import Intent
from components.release_store import read_state
from tests.components.release.test_canary import Notes, look_verdict, release_verdict

pytestmark = pytest.mark.slow


@pytest.fixture
def started(s3, package):
    candidate.register_baseline(package("old"))
    candidate.start_canary(package("new"), release_verdict(package("new")))
    return {name: package_manifest.version(package(name)) for name in ("old", "new")}


def run(*words, notes=None):
    reason = [] if words == ("status",) else ["--reason", "seen on the dashboard", "--by", "ada"]
    return run_command(parse_args([*words, *reason]), lambda: (notes or Notes()).context)


def test_a_pause_holds_traffic_until_resume(started):
    run("pause")
    canary.move_traffic(look_verdict("ramp"), Notes().context)
    assert read_state().traffic_percent == 0
    run("resume")
    canary.move_traffic(look_verdict("ramp"), Notes().context)
    assert read_state().traffic_percent == 50


def test_a_guardrail_ends_a_paused_experiment(started):
    run("pause")
    canary.move_traffic(look_verdict("roll back"), Notes().context)
    assert read_state().experiment.status == "running"
    canary.move_traffic(look_verdict("roll back", paused=True), Notes().context)
    assert read_state().experiment.status == "rolled back"


def test_a_veto_is_kept_with_name_and_reason(started):
    state = run("veto")
    assert state.experiment.status == "vetoed" and state.candidate is None
    entry = next(entry for entry in state.history if entry.what == "decided: vetoed")
    assert (entry.by, entry.reason) == ("ada", "seen on the dashboard")


def test_force_needs_no_verdict(started):
    assert run("force", "ramp", "25").traffic_percent == 25
    assert run("force", "promote").stable == started["new"]


@pytest.mark.parametrize("percent", ["0", "5"])
def test_a_canary_waits_for_an_open_move(started, percent):
    decide(Intent("promote", "-", by="bob"))
    with pytest.raises(ValueError, match="another move is under way: promote by bob"):
        run("canary", started["new"], percent)
    assert run("force", "roll-back").experiment.status == "rolled back"


def test_a_veto_needs_a_running_experiment(s3):
    assert run("status").experiment is None
    with pytest.raises(ValueError, match="nothing to veto"):
        run("veto")


def test_a_ramp_needs_a_percent(capsys):
    with pytest.raises(SystemExit):
        parse_args(["force", "ramp", "--reason", "-"])
    assert "force ramp takes a PERCENT" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["canary", "v1", "500"], "PERCENT is 500; give a whole number from 0 to 100"),
        (["canary", "v1", "half"], "PERCENT is half; give a whole number from 0 to 100"),
        (["force", "ramp", "0"], "PERCENT is 0; give a whole number from 1 to 100"),
    ],
)
def test_another_percent_is_refused_in_a_sentence(capsys, words, sentence):
    with pytest.raises(SystemExit):
        parse_args([*words, "--reason", "-"])
    assert f"error: {sentence}\n" in capsys.readouterr().err


def test_canary_ramps_the_running_version_alone(started, package):
    assert run("canary", started["new"], "5").traffic_percent == 5
    with pytest.raises(ValueError, match=f"the experiment of {started['new']} runs"):
        run("canary", "another", "5")


def test_canary_starts_the_experiment_of_a_registered_version(started, package):
    run("veto")
    state = run("canary", started["new"], "0")
    assert state.candidate == started["new"] and state.traffic_percent == 0
    run("veto")
    with pytest.raises(ValueError, match="no package unheard-of is registered"):
        run("canary", "unheard-of", "5")
    with pytest.raises(ValueError, match="is stable already"):
        run("canary", started["old"], "5")


def test_a_user_without_passwd_entry_is_a_number(monkeypatch):
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("os.getuid", lambda: 65532)  # as in a pod
    assert user_name() == "uid 65532"
    assert parse_args(["status"]).verb == "status"

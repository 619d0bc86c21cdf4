"""A candidate's way into traffic, on a real S3; the router notes what it is told."""

import pytest

from components import package_manifest
from components.release import canary
from components.release.registry import read_state

pytestmark = pytest.mark.slow


class Notes:
    """A router and a wait that write down what they were asked for."""

    def __init__(self):
        self.said = []

    def set_traffic(self, percent):
        self.said.append(percent)

    def promote(self, version):
        self.said.append(f"promote {version}")

    def roll_back(self):
        self.said.append("roll back")

    def wait(self, arm, version):
        self.said.append(f"{arm} is {version}")

    def read_back(self):
        return self.said[-1]


def released(package, word="release"):
    version = package_manifest.version(package)
    return {"verdict": word, "reasons": ["because"], "candidate_version": version}


def judged(word, **said):
    verdict = {"verdict": word, "reason": "because", "next_share": 0.5}
    return verdict | {"experiment_id": read_state()["experiment"]["experiment_id"]} | said


@pytest.fixture
def started(s3, package):
    canary.register_baseline(package("old"))
    canary.start_canary(package("new"), released(package("new")))
    return {name: package_manifest.version(package(name)) for name in ("old", "new")}


def test_the_first_baseline_becomes_stable_and_a_later_one_changes_nothing(s3, package):
    assert canary.register_baseline(package("old"))["started"]
    again = canary.register_baseline(package("other"))
    assert not again["started"] and again["version"] == package_manifest.version(package("old"))


def test_a_canary_starts_dark_with_a_running_experiment(started):
    state = read_state()
    assert (state["stable"], state["candidate"], state["traffic_percent"]) == (started["old"], started["new"], 0)
    experiment = state["experiment"]
    assert experiment["status"] == "running" and experiment["salt"] == experiment["experiment_id"]
    assert [stage["share"] for stage in experiment["stages"]] == [0.0]


@pytest.mark.parametrize("word", ["hold", "reject"])
def test_a_candidate_that_the_gate_did_not_release_is_refused(s3, package, word):
    canary.register_baseline(package("old"))
    done = canary.start_canary(package("new"), released(package("new"), word))
    assert not done["started"] and done["reason"] == f"the gate says {word}: because"
    assert read_state()["candidate"] is None


def test_a_verdict_on_another_package_is_refused(s3, package):
    canary.register_baseline(package("old"))
    assert "the gate's verdict is on" in canary.start_canary(package("new"), released(package("old")))["reason"]


def test_a_candidate_waits_until_the_running_experiment_is_over(started, package):
    done = canary.start_canary(package("newer"), released(package("newer")))
    assert not done["started"] and "still running" in done["reason"]


def test_starting_the_same_canary_again_changes_nothing(started, package):
    revision = read_state()["revision"]
    assert canary.start_canary(package("new"), released(package("new")))["started"]
    assert read_state()["revision"] == revision


def test_a_ramp_waits_for_the_candidate_then_moves_weights_then_the_share(started):
    notes = Notes()
    canary.move_traffic(judged("ramp"), notes, notes.wait)
    assert notes.said == [f"treatment is {started['new']}", 50]
    assert [stage["share"] for stage in read_state()["experiment"]["stages"]] == [0.0, 0.5]
    canary.move_traffic(judged("ramp"), notes, notes.wait)
    assert len(read_state()["experiment"]["stages"]) == 2


def test_a_promotion_keeps_the_order_that_loses_no_request(started):
    notes = Notes()
    assert canary.move_traffic(judged("promote"), notes, notes.wait)["moved"] == "promote"
    new = started["new"]
    assert notes.said == [100, f"promote {new}", f"control is {new}", 0]
    state = read_state()
    assert (state["stable"], state["candidate"], state["traffic_percent"]) == (new, None, 0)
    assert state["experiment"]["status"] == "promoted"


def test_a_promotion_that_was_cut_off_is_finished_by_the_next_look_whatever_it_says(started):
    def never(arm, version):
        raise TimeoutError(f"{arm} does not serve {version}")

    with pytest.raises(TimeoutError):
        canary.promote(Notes(), never)
    assert read_state()["traffic_percent"] == 100
    notes = Notes()
    canary.move_traffic({"verdict": "none", "reason": "-", "experiment_id": ""}, notes, notes.wait)
    assert (read_state()["stable"], read_state()["candidate"]) == (started["new"], None)


@pytest.mark.parametrize(("word", "status"), [("roll back", "rolled back"), ("inconclusive", "inconclusive")])
def test_an_experiment_that_shows_no_gain_leaves_stable_alone_with_all_traffic(started, word, status):
    notes = Notes()
    canary.move_traffic(judged(word), notes, notes.wait)
    state = read_state()
    assert notes.said == ["roll back"] and state["experiment"]["status"] == status
    assert (state["stable"], state["candidate"], state["traffic_percent"]) == (started["old"], None, 0)


@pytest.mark.parametrize("verdict", [{"verdict": "continue"}, {"verdict": "promote", "experiment_id": "another"}])
def test_a_verdict_that_moves_nothing_writes_nothing(started, verdict):
    revision, notes = read_state()["revision"], Notes()
    canary.move_traffic(judged(verdict.pop("verdict"), **verdict), notes, notes.wait)
    assert not notes.said and read_state()["revision"] == revision


def test_after_an_end_the_next_candidate_may_start(started, package):
    notes = Notes()
    canary.move_traffic(judged("roll back"), notes, notes.wait)
    assert canary.start_canary(package("newer"), released(package("newer")))["started"]
    assert [entry["what"] for entry in read_state()["history"]][-2:] == ["rolled back", "canary started dark"]

"""A candidate's way into traffic, on a real S3; the router notes its calls."""

import pytest

from components import package_manifest
from components.release import canary, candidate
from components.release.decisions import decide_by_hand
from components.release.gate_verdict import GateVerdict
from components.release_state import Intent, replay
from components.release_store import read_state
from testing.kubernetes_server import cluster
from testing.release_fixtures import local_release
from tests.components.release.test_standard_router import start_router

pytestmark = pytest.mark.slow


class Notes:
    """A router and a wait that write down their calls."""

    arms = True
    can_interleave = True

    def __init__(self):
        self.calls = []

    def serve(self, stable, candidate, interleaves=False):
        self.sides = (stable, candidate)
        self.interleaves = interleaves

    def set_traffic(self, percent):
        self.calls.append(percent)

    def promote(self, version):
        self.calls.append(f"promote {version}")

    def roll_back(self):
        self.calls.append("roll back")

    def wait(self, arm, version):
        self.calls.append(f"{arm} is {version}")

    def read_back(self):
        return read_state().traffic_percent

    @property
    def context(self):
        return local_release(self, self.wait, lambda version: "")


def test_a_share_of_traffic_names_both_versions():
    result = canary.TrafficResult("ramp", "r", "v1", "v2", 50)
    assert result.to_step_result().headline == "50% to v2, 50% to v1"


def test_without_a_candidate_stable_serves_everybody():
    result = canary.TrafficResult("promote", "r", "v2", None, 0).to_step_result()
    assert (result.headline, result.details["candidate"]) == ("everybody to v2", "")


def test_with_nothing_registered_nobody_is_served():
    result = canary.TrafficResult("none", "r", None, None, 0).to_step_result()
    assert result.headline == "nobody is served: no version is stable"


def release_verdict(package, word="release"):
    version = package_manifest.version(package)
    return GateVerdict(word, ["because"], version, "", rows=0, queries=0, metrics={})


def look_verdict(word, **changes):
    experiment = read_state().experiment
    verdict = {"verdict": word, "reason": "because", "next_share": 0.5, "stages": experiment.to_json()["stages"]}
    return verdict | {"experiment_id": experiment.experiment_id} | changes


@pytest.fixture
def started(s3, package):
    candidate.register_baseline(package("old"))
    candidate.start_canary(package("new"), release_verdict(package("new")))
    return {name: package_manifest.version(package(name)) for name in ("old", "new")}


def test_only_the_first_baseline_becomes_stable(s3, package):
    assert candidate.register_baseline(package("old")).is_accepted
    again = candidate.register_baseline(package("other"))
    assert not again.is_accepted and again.version == package_manifest.version(package("old"))


def test_a_canary_starts_dark_with_a_running_experiment(started):
    state = read_state()
    assert (state.stable, state.candidate, state.traffic_percent) == (started["old"], started["new"], 0)
    experiment = state.experiment
    assert experiment.status == "running" and experiment.salt == experiment.experiment_id
    assert [stage.share for stage in experiment.stages] == [0.0]


@pytest.mark.parametrize("word", ["hold", "reject"])
def test_a_candidate_without_a_release_is_refused(s3, package, word):
    candidate.register_baseline(package("old"))
    done = candidate.start_canary(package("new"), release_verdict(package("new"), word))
    assert not done.is_accepted and done.reason == f"the gate says {word}: because"
    assert read_state().candidate is None


def test_a_verdict_on_another_package_is_refused(s3, package):
    candidate.register_baseline(package("old"))
    assert "the gate's verdict is on" in candidate.start_canary(package("new"), release_verdict(package("old"))).reason


def test_only_the_newest_released_candidate_waits(started, package):
    for name in ("newer", "newest"):
        assert "waits until" in candidate.start_canary(package(name), release_verdict(package(name))).reason
    canary.move_traffic(look_verdict("roll back"), Notes().context)
    state = read_state()
    assert state.candidate == package_manifest.version(package("newest")) and state.next_candidate is None
    assert state.experiment.experiment_id.startswith(state.candidate)


def test_starting_the_same_canary_again_changes_nothing(started, package):
    revision = read_state().revision
    assert candidate.start_canary(package("new"), release_verdict(package("new"))).is_accepted
    assert read_state().revision == revision


@pytest.mark.parametrize(("word", "status"), [("roll back", "rolled back"), ("inconclusive", "inconclusive")])
def test_a_version_is_not_tried_twice(started, package, word, status):
    canary.move_traffic(look_verdict(word), Notes().context)
    again = candidate.start_canary(package("new"), release_verdict(package("new")))
    assert not again.is_accepted and read_state().candidate is None
    assert f"{started['new']} was tried against {started['old']} until " in again.reason
    assert again.reason.endswith(f", {status}: because")


def test_against_another_stable_it_is_tried_again(started, package):
    canary.move_traffic(look_verdict("inconclusive"), Notes().context)
    candidate.start_canary(package("newer"), release_verdict(package("newer")))
    canary.move_traffic(look_verdict("promote"), Notes().context)
    assert read_state().stable == package_manifest.version(package("newer"))
    assert candidate.start_canary(package("new"), release_verdict(package("new"))).is_accepted


def test_a_ramp_waits_for_the_candidate_first(started):
    notes = Notes()
    canary.move_traffic(look_verdict("ramp"), notes.context)
    assert notes.calls == [f"treatment is {started['new']}", 50]
    assert [stage.share for stage in read_state().experiment.stages] == [0.0, 0.5]
    canary.move_traffic(look_verdict("ramp"), notes.context)
    assert len(read_state().experiment.stages) == 2


def test_interleaving_waits_for_both_versions(started):
    notes = Notes()
    verdict = look_verdict("interleave", interleaved_share=0.2)
    assert canary.move_traffic(verdict, notes.context).action_taken == "interleave"
    both = f"{started['old']}+{started['new']}"
    assert notes.calls == [f"treatment is {started['new']}", f"interleave is {both}"] and notes.interleaves
    state = read_state()
    assert [(stage.share, stage.interleaved_share) for stage in state.experiment.stages] == [(0.0, 0.0), (0.0, 0.2)]
    assert state.needs_interleaver and state.traffic_percent == 0 and replay(state.history) == state


@pytest.mark.parametrize("word", ["ramp", "promote", "roll back", "inconclusive"])
def test_after_interleaving_no_interleaver_is_needed(started, word):
    canary.move_traffic(look_verdict("interleave", interleaved_share=0.2), Notes().context)
    canary.move_traffic(look_verdict(word), Notes().context)
    state = read_state()
    assert not state.needs_interleaver and state.intent is None
    assert state.traffic_percent == (50 if word == "ramp" else 0)
    assert (state.stable == started["new"]) == (word == "promote")


def test_a_missing_interleaver_can_be_passed_over(started):
    def wait(arm, version):
        if arm == "interleave":
            raise TimeoutError("interleave is answered by nobody")

    release = local_release(Notes(), wait, lambda version: "")
    with pytest.raises(TimeoutError, match="to go on without interleaving: `force ramp PERCENT`"):
        canary.move_traffic(look_verdict("interleave", interleaved_share=0.2), release)
    assert read_state().intent.action == "interleave"
    decide_by_hand(Intent("ramp", "by hand", percent=5))
    release.finish()
    assert [stage.interleaved_share for stage in read_state().experiment.stages] == [0.0, 0.0]
    assert read_state().traffic_percent == 5


def test_a_router_that_cannot_interleave_goes_on(started):
    class Plain(Notes):
        can_interleave = False

    canary.move_traffic(look_verdict("interleave", interleaved_share=0.2), Plain().context)
    state = read_state()
    assert state.traffic_percent == 50 and not state.needs_interleaver
    assert "this router cannot interleave" in next(entry.reason for entry in state.history[::-1] if entry.reason)


def test_a_lost_interleaved_candidate_is_rolled_back(started):
    canary.move_traffic(look_verdict("interleave", interleaved_share=0.2), Notes().context)

    def gone(arm, version):
        raise TimeoutError("nobody answers")

    canary.move_traffic(look_verdict("continue"), local_release(Notes(), gone, lambda version: ""))
    assert read_state().experiment.status == "rolled back"


def test_a_verdict_on_an_earlier_share_moves_nothing(started):
    stale = look_verdict("ramp", next_share=0.05)
    canary.move_traffic(look_verdict("ramp", next_share=0.25), Notes().context)
    canary.move_traffic(stale, Notes().context)
    assert read_state().traffic_percent == 25


def test_a_promotion_moves_in_its_order(started):
    notes = Notes()
    assert canary.move_traffic(look_verdict("promote"), notes.context).action_taken == "promote"
    new = started["new"]
    assert notes.calls == [*[f"treatment is {new}"], 100, f"promote {new}", f"control is {new}", 0]
    state = read_state()
    assert (state.stable, state.candidate, state.traffic_percent) == (new, None, 0)
    assert state.experiment.status == "promoted"


def test_the_next_look_finishes_an_interrupted_promotion(started):
    def never(arm, version):
        if arm == "control":
            raise TimeoutError(f"{arm} does not serve {version}")

    with pytest.raises(TimeoutError):
        canary.move_traffic(look_verdict("promote"), local_release(Notes(), never, lambda version: ""))
    assert read_state().traffic_percent == 100
    canary.move_traffic({"verdict": "none", "reason": "-", "experiment_id": ""}, Notes().context)
    assert (read_state().stable, read_state().candidate) == (started["new"], None)


def test_a_vanished_candidate_is_rolled_back(started):
    def gone(arm, version):
        raise TimeoutError("nobody answers")

    canary.move_traffic(look_verdict("promote"), local_release(Notes(), gone, lambda version: ""))
    assert read_state().experiment.status == "rolled back" and read_state().stable == started["old"]
    assert "the candidate does not serve: nobody answers" in [entry.reason for entry in read_state().history]


def test_a_candidate_that_answers_differently_stays_dark(started):
    notes = Notes()
    canary.move_traffic(
        look_verdict("ramp"), local_release(notes, notes.wait, lambda version: "2 of 32 answers differ")
    )
    assert read_state().experiment.status == "rolled back"


def test_traffic_changed_by_hand_is_set_back(started):
    class Moved(Notes):
        def read_back(self):
            return 40

    notes = Moved()
    canary.move_traffic(look_verdict("continue"), notes.context)
    assert notes.calls[0] == 0 and read_state().corrections == 1
    assert "40%" in read_state().history[-1].what


def test_the_plans_error_bound_is_noted_once(started):
    for _ in range(2):
        canary.move_traffic(look_verdict("continue", error_rate_bound=0.02), Notes().context)
    assert read_state().experiment.error_rate_bound == 0.02
    assert [entry.what for entry in read_state().history].count("the plan's error bound noted") == 1


def test_the_history_replays_to_the_state(started):
    for word in ("ramp", "promote"):
        canary.move_traffic(look_verdict(word), Notes().context)
    assert replay(read_state().history) == read_state()


@pytest.mark.parametrize(("word", "status"), [("roll back", "rolled back"), ("inconclusive", "inconclusive")])
def test_without_gain_stable_gets_all_traffic(started, word, status):
    notes = Notes()
    canary.move_traffic(look_verdict(word), notes.context)
    state = read_state()
    assert notes.calls[-1] == "roll back" and state.experiment.status == status
    assert (state.stable, state.candidate, state.traffic_percent) == (started["old"], None, 0)


@pytest.mark.parametrize("verdict", [{"verdict": "continue"}, {"verdict": "promote", "experiment_id": "another"}])
def test_a_verdict_that_moves_nothing_writes_nothing(started, verdict):
    revision, notes = read_state().revision, Notes()
    canary.move_traffic(look_verdict(verdict.pop("verdict"), **verdict), notes.context)
    assert 100 not in notes.calls and read_state().revision == revision


def test_after_an_end_the_next_candidate_may_start(started, package):
    notes = Notes()
    canary.move_traffic(look_verdict("roll back"), notes.context)
    assert candidate.start_canary(package("newer"), release_verdict(package("newer"))).is_accepted
    whats = [entry.what for entry in read_state().history]
    assert whats[-3:] == ["decided: rolled back", "rolled back", "candidate released by the gate"]


def test_both_sides_are_served_at_every_look(started):
    notes = Notes()
    canary.move_traffic(look_verdict("continue"), notes.context)
    assert notes.sides == (started["old"], started["new"])
    canary.move_traffic(look_verdict("promote"), notes.context)
    assert notes.sides == (started["new"], None)


def test_without_arms_there_is_no_verdict(started):
    class ByRequest(Notes):
        arms = False

    result = canary.move_traffic(look_verdict("promote"), ByRequest().context)
    assert result.action_taken == "none" and result.reason.startswith("rollout only, no verdict: ")
    assert read_state().experiment.status == "running"


def test_a_release_on_kserve_repeats_every_step(started):
    with cluster() as (objects, api):
        router = start_router(objects, api)
        context = local_release(router, lambda arm, version: None, lambda version: "")
        for word in ("continue", "ramp", "ramp", "promote", "promote"):
            experiment = read_state().experiment
            verdict = {"verdict": word, "reason": "-", "next_share": 0.5, "stages": experiment.to_json()["stages"]}
            canary.move_traffic(verdict | {"experiment_id": experiment.experiment_id}, context)
        (name,) = [name for kind, name in objects.objects if kind == "inferenceservices"]
        stable = objects.objects[("inferenceservices", name)]
    assert name == "relevance-stable" and stable["metadata"]["labels"]["broadfast/version"] == started["new"]
    assert read_state().stable == started["new"] and read_state().corrections == 0

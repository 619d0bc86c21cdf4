"""The release under random events, killed anywhere: what holds always. The document lies in memory here, router too."""

import copy
import json
import os
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from components.release import canary, registry, state_machine

RUNS = int(os.environ.get("BROADFAST_INVARIANT_RUNS", "200"))
WORDS = ("ramp", "promote", "roll back", "inconclusive", "continue")
SHARES = (0.01, 0.05, 0.25, 0.5)


class Killed(BaseException):
    """The step's process is gone."""


class Releases(RuleBasedStateMachine):
    """Looks, people, nights, accidents; each call may be killed before any of its effects."""

    def __init__(self):
        super().__init__()
        self.document, self.served, self.unready, self.left = copy.deepcopy(registry.EMPTY), 0, set(), 10**6
        self.time, self.wrong, self.names = datetime(2026, 1, 5, tzinfo=UTC), [], 0
        registry._read, registry._write = self.read, self.write  # put back by the test

    def read(self):
        return copy.deepcopy(self.document), str(self.document["revision"])

    def write(self, state, etag):
        self.effect()
        assert etag == str(self.document["revision"])
        self.document = json.loads(json.dumps(state))
        return True

    def effect(self):
        self.left -= 1
        if self.left < 0:
            raise Killed

    arms = True

    def serve(self, stable, candidate):
        self.effect()

    def set_traffic(self, percent):
        self.effect()
        if percent and self.document["candidate"] in self.unready:
            self.wrong.append(f"{percent}% to a candidate that does not serve")
        self.served = percent

    def promote(self, version):
        self.effect()

    def roll_back(self):
        self.set_traffic(0)

    def read_back(self):
        return self.served

    def wait_ready(self, arm, version):
        if arm == "treatment" and version in self.unready:
            raise TimeoutError("nobody answers")

    @property
    def world(self):
        return canary.World(self, self.wait_ready, lambda version: "", lambda: self.time)

    def perhaps_killed(self, effects, call):
        self.left = effects
        try:
            call()
        except Killed:
            pass
        finally:
            self.left = 10**6

    @initialize()
    def a_first_version(self):
        registry.update_state(lambda state: state | {"stable": "v0"}, "baseline registered as stable")

    @rule(effects=st.integers(0, 4))
    def a_night_releases_a_candidate(self, effects):
        self.names += 1
        version = f"v{self.names}"
        self.perhaps_killed(
            effects,
            lambda: registry.update_state(lambda state: state_machine.released(state, version, self.time), "released"),
        )

    @rule(word=st.sampled_from(WORDS), share=st.sampled_from(SHARES), effects=st.integers(0, 6), late=st.booleans())
    def a_look_decides(self, word, share, effects, late):
        experiment = self.document["experiment"]
        if not experiment:
            return
        stages = experiment["stages"][:-1] if late else experiment["stages"]
        verdict = {"verdict": word, "reason": "because", "next_share": share, "stages": stages}
        verdict["experiment_id"] = experiment["experiment_id"]
        self.perhaps_killed(effects, lambda: canary.move_traffic(verdict, self.world))

    @rule(yes=st.booleans())
    def a_person_pauses_or_resumes(self, yes):
        registry.update_state(lambda state: state_machine.paused(state, yes), "by a person")

    @rule(word=st.sampled_from(("promote", "end")), effects=st.integers(0, 6))
    def a_person_forces_an_end(self, word, effects):
        if state_machine.is_running(self.document):
            intent = {"word": word, "reason": "by hand"} | ({"status": "vetoed"} if word == "end" else {})
            self.perhaps_killed(effects, lambda: (canary.decide(intent), canary.finish(self.world)))

    @rule(percent=st.integers(0, 100))
    def somebody_changes_the_router_by_hand(self, percent):
        self.served = percent

    @rule()
    def the_candidate_vanishes(self):
        if self.document["candidate"] and not self.document["intent"]:
            self.unready.add(self.document["candidate"])

    @rule(hours=st.integers(-48, 48))
    def the_clock_jumps(self, hours):
        self.time += timedelta(hours=hours)

    @invariant()
    def no_traffic_goes_to_a_candidate_that_does_not_serve(self):
        assert not self.wrong

    @invariant()
    def no_experiment_is_promoted_twice_and_every_end_is_one(self):
        ended = [entry["version"] for entry in self.document["history"] if entry["what"] == "promoted"]
        assert len(ended) == len(set(ended))
        experiment = self.document["experiment"]
        assert not experiment or experiment["status"] in ("running", *state_machine.ENDS)

    @invariant()
    def the_history_replays_to_the_state(self):
        assert registry.replayed(self.document["history"]) == self.document

    @invariant()
    def shares_only_grow_while_an_experiment_runs(self):
        if self.document["experiment"]:
            shares = [stage["share"] for stage in self.document["experiment"]["stages"]]
            assert shares == sorted(set(shares))

    def teardown(self):
        """Undisturbed, one look more finishes whatever was begun."""
        if self.document["intent"]:
            self.unready.discard(self.document["candidate"])
            canary.move_traffic({"verdict": "continue", "reason": "-", "experiment_id": "", "stages": []}, self.world)
        assert not self.document["intent"]
        if not state_machine.is_running(self.document):
            assert self.document["candidate"] is None and self.document["traffic_percent"] == 0


@pytest.fixture
def document(monkeypatch):
    for name in ("_read", "_write"):
        monkeypatch.setattr(registry, name, getattr(registry, name))


def test_whatever_happens_in_whatever_order_the_release_keeps_its_promises(document):
    run = Releases.TestCase()
    run.settings = settings(
        max_examples=RUNS, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck), database=None
    )
    run.runTest()

"""The release under random events, killed anywhere: what holds always. The document lies in memory here, router too."""

import json
import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from components import release_store
from components.release import canary, state_machine
from components.release.decisions import decide
from components.release_state import ENDS, Intent, ReleaseState, replay
from components.release_store import update_state
from testing.release_fixtures import local_release

RUNS = int(os.environ.get("BROADFAST_INVARIANT_RUNS", "200"))
WORDS = ("interleave", "ramp", "promote", "roll back", "inconclusive", "continue")
SHARES = (0.01, 0.05, 0.25, 0.5)
ROLLBACK = Intent("end", "by hand", status="rolled back")


class Killed(BaseException):
    """The step's process is gone."""


class Releases(RuleBasedStateMachine):
    """Looks, people, nights, accidents; each call may be killed before any of its effects."""

    def __init__(self):
        super().__init__()
        self.state = ReleaseState()
        self.served_percent = 0
        self.has_interleaver = False
        self.unready = set()
        self.violations = []
        self.effects_left = 10**6
        self.effects_until_rollback = 10**6
        self.ended_by_hand = set()
        self.time = datetime(2026, 1, 5, tzinfo=UTC)
        self.versions = 0
        release_store._read = self.read  # put back by the test
        release_store._write = self.write

    def read(self):
        return self.state, str(self.state.revision)

    def write(self, state, etag):
        self.effect()
        if etag != str(self.state.revision):
            return False
        self.state = ReleaseState.from_json(json.loads(json.dumps(state.to_json())))
        if state.intent and (state.intent.action, state.intent.reason) == ("end", "by hand"):
            self.ended_by_hand.add(state.candidate)
        if state.needs_interleaver and state.experiment.interleaved_share and not self.has_interleaver:
            self.violations.append("users are sent to an interleaver that nobody started")
        return True

    def effect(self):
        self.effects_left -= 1
        if self.effects_left < 0:
            raise Killed
        self.effects_until_rollback -= 1
        if self.effects_until_rollback == 0:
            decide(ROLLBACK)

    arms = True
    can_interleave = True

    def serve(self, stable, candidate, interleaves=False):
        self.effect()
        self.has_interleaver = interleaves

    def set_traffic(self, percent):
        self.effect()
        if percent and self.state.candidate in self.unready:
            self.violations.append(f"{percent}% to a candidate that does not serve")
        self.served_percent = percent

    def promote(self, version):
        self.effect()

    def roll_back(self):
        self.set_traffic(0)

    def read_back(self):
        return self.served_percent

    def candidate_outage(self, version):
        return ""

    def wait_ready(self, arm, version):
        if arm == "interleave" and (version != f"{self.state.stable}+{self.state.candidate}"):
            raise TimeoutError("the interleaver asks other versions")
        if arm == "treatment" and version in self.unready:
            raise TimeoutError("nobody answers")

    @property
    def context(self):
        return local_release(self, self.wait_ready, lambda version: "", lambda: self.time)

    def call_until_killed(self, effects, call):
        self.effects_left = effects
        try:
            call()
        except Killed:
            pass
        finally:
            self.effects_left = 10**6

    @initialize()
    def a_first_version(self):
        update_state(lambda state: replace(state, stable="v0"), "baseline registered as stable")

    @rule(effects=st.integers(0, 4))
    def a_night_releases_a_candidate(self, effects):
        self.versions += 1
        version = f"v{self.versions}"
        self.call_until_killed(
            effects,
            lambda: update_state(lambda state: state_machine.release_version(state, version, self.time), "released"),
        )

    @rule(word=st.sampled_from(WORDS), share=st.sampled_from(SHARES), effects=st.integers(0, 6), late=st.booleans())
    def a_look_decides(self, word, share, effects, late):
        experiment = self.state.experiment
        if not experiment:
            return
        stages = experiment.stages[:-1] if late else experiment.stages
        verdict = {"verdict": word, "reason": "because", "next_share": share, "stages": stages}
        verdict |= {"experiment_id": experiment.experiment_id, "interleaved_share": 0.2}
        self.call_until_killed(effects, lambda: canary.move_traffic(verdict, self.context))

    @rule(paused=st.booleans())
    def a_person_pauses_or_resumes(self, paused):
        update_state(lambda state: state_machine.set_paused(state, paused), "by a person")

    @rule(word=st.sampled_from(("promote", "end")), effects=st.integers(0, 6))
    def a_person_forces_an_end(self, word, effects):
        if self.state.running_experiment:
            intent = Intent(word, "by hand", status="vetoed" if word == "end" else "")
            self.call_until_killed(effects, lambda: (decide(intent), self.context.finish()))

    @rule(word=st.sampled_from(("ramp", "promote")), effects=st.integers(1, 8))
    def a_person_rolls_back_during_a_move(self, word, effects):
        if self.state.running_experiment and not self.state.intent:
            decide(Intent(word, "because", percent=75 if word == "ramp" else None))
            self.effects_until_rollback = effects
            self.context.finish()
            self.effects_until_rollback = 10**6

    @rule(percent=st.integers(0, 100))
    def somebody_changes_the_router_by_hand(self, percent):
        self.served_percent = percent

    @rule()
    def the_candidate_vanishes(self):
        if self.state.candidate and not self.state.intent:
            self.unready.add(self.state.candidate)

    @rule(hours=st.integers(-48, 48))
    def the_clock_jumps(self, hours):
        self.time += timedelta(hours=hours)

    @invariant()
    def no_traffic_goes_to_a_candidate_that_does_not_serve(self):
        assert not self.violations

    @invariant()
    def no_version_is_promoted_twice_and_every_end_is_known(self):
        versions = [entry.facts["version"] for entry in self.state.history if entry.what == "promoted"]
        assert len(versions) == len(set(versions))
        experiment = self.state.experiment
        assert not experiment or experiment.status in ("running", *ENDS)

    @invariant()
    def a_version_that_a_person_ended_is_never_stable(self):
        assert self.state.stable not in self.ended_by_hand

    @invariant()
    def the_history_replays_to_the_state(self):
        assert replay(self.state.history) == self.state

    @invariant()
    def shares_only_grow_while_an_experiment_runs(self):
        if self.state.experiment:
            shares = [stage.share for stage in self.state.experiment.stages]
            interleaved = [stage.interleaved_share for stage in self.state.experiment.stages]
            assert shares == sorted(shares) and len(set(zip(shares, interleaved, strict=True))) == len(shares)
            assert sum(map(bool, interleaved)) <= 1 and not interleaved[0]

    def teardown(self):
        """Undisturbed, one look more finishes whatever was begun."""
        if self.state.intent:
            self.unready.discard(self.state.candidate)
            canary.move_traffic({"verdict": "continue", "reason": "-", "experiment_id": "", "stages": []}, self.context)
        assert not self.state.intent
        if not self.state.running_experiment:
            assert self.state.candidate is None and self.state.traffic_percent == 0


@pytest.fixture
def memory_store(monkeypatch):
    for name in ("_read", "_write"):
        monkeypatch.setattr(release_store, name, getattr(release_store, name))


def test_the_release_keeps_its_promises_in_any_order(memory_store):
    run = Releases.TestCase()
    run.settings = settings(
        max_examples=RUNS, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck), database=None
    )
    run.runTest()

"""A person's decision while another move is open: a roll-back comes first, any other is refused in a sentence."""

import threading
import time
from itertools import count

import pytest

from components import release_store
from components.release.control import main, parse_args, run_command
from components.release.decisions import decide, decide_by_hand
from components.release.drivers import RemoteRelease
from components.release.state_machine import PROMOTION_BEGUN, begin_promotion
from components.release_state import Intent
from components.release_store import read_state, update_state
from testing.release_world import ROUTERS, ReleaseWorld
from testing.servers import environment

RAMP = Intent("ramp", "-", percent=25)
PROMOTE = Intent("promote", "-")
ROLLBACK = Intent("end", "errors", status="rolled back", by="ada")


@pytest.fixture
def new_world(monkeypatch):
    """Return a function that starts a release in which v2 runs at 5%."""

    def start(mode="standard"):
        world = ReleaseWorld(mode)
        monkeypatch.setattr(release_store, "_read", world.read)
        monkeypatch.setattr(release_store, "_write", world.write)
        world.run(["v2", Intent("ramp", "-", percent=5)])
        return world

    return start


def run_control(*words):
    """Run a person's command on a cluster, where release-control is slow."""
    args = parse_args([*words, "--reason", "errors", "--by", "ada"])
    return run_command(args, lambda: RemoteRelease(True, timeout_s=10, pause_s=0.01))


@pytest.mark.parametrize("open_intent", [RAMP, PROMOTE])
def test_a_rollback_replaces_an_open_move(new_world, open_intent):
    world = new_world()
    decide(open_intent)
    assert decide_by_hand(ROLLBACK).intent == ROLLBACK
    world.settle()
    assert read_state().experiment.status == "rolled back" and world.api.cluster.traffic() == {"v1": 1.0}


@pytest.mark.parametrize("first", ["vetoed", "inconclusive"])
def test_a_rollback_joins_an_open_end(new_world, first):
    new_world()
    end = decide(Intent("end", "-", status=first)).intent
    assert decide_by_hand(ROLLBACK).intent == end
    assert decide(ROLLBACK).intent == end


def test_a_rollback_of_a_begun_promotion_is_refused(new_world):
    new_world()
    decide(PROMOTE)
    update_state(begin_promotion, "promotion: all traffic to the candidate, stable replaced")
    with pytest.raises(ValueError, match="the promotion of v2 has begun and cannot be taken back, .* by `canary`"):
        decide_by_hand(ROLLBACK)
    assert decide(ROLLBACK).intent.action == PROMOTION_BEGUN


@pytest.mark.parametrize(
    ("open_intent", "intent", "move"),
    [(RAMP, PROMOTE, "ramp to 25%"), (PROMOTE, RAMP, "promote"), (ROLLBACK, PROMOTE, "end as rolled back by ada")],
)
def test_another_move_waits_for_the_open_one(new_world, open_intent, intent, move):
    new_world()
    decide(open_intent)
    with pytest.raises(ValueError, match=f"another move is under way: {move}. Wait until `status` shows no intent"):
        decide_by_hand(intent)
    assert read_state().intent == open_intent


def test_a_command_given_twice_is_waited_for(new_world):
    world = new_world()
    decide_by_hand(PROMOTE)
    assert decide_by_hand(Intent("promote", "again")).intent == PROMOTE
    world.settle()
    with pytest.raises(ValueError, match="no experiment is running: see `status`"):
        decide_by_hand(PROMOTE)


@pytest.mark.parametrize("words", [["force", "ramp", "50"], ["force", "promote"]])
def test_a_command_is_refused_with_exit_one(new_world, capsys, words):
    new_world()
    decide(RAMP)
    with environment(BROADFAST_ROUTER="standard"):
        assert main([*words, "--reason", "-"]) == 1
    assert "another move is under way: ramp to 25%. Wait until" in capsys.readouterr().err
    assert read_state().intent == RAMP


def test_a_rolled_back_promotion_fails_its_command(new_world):
    world = new_world()

    def roll_back():
        while not read_state().intent:
            time.sleep(0.005)
        decide_by_hand(ROLLBACK)
        world.settle()

    colleague = threading.Thread(target=roll_back)
    colleague.start()
    with pytest.raises(ValueError, match="another took its place: decided: rolled back: errors"):
        run_control("force", "promote")
    colleague.join()


def move_with_rollback(world, open_intent, call):
    """Carry a move out while somebody rolls back before a call; return the state after that decision, if it came."""
    states = []
    decide(open_intent)
    world.api.calls.events[world.api.calls.count + call] = lambda: states.append(decide(ROLLBACK))
    world.settle()
    return states[0] if states else None


@pytest.mark.parametrize("mode", ROUTERS)
@pytest.mark.parametrize("open_intent", [RAMP, PROMOTE])
def test_a_rollback_before_any_call_is_never_lost(new_world, mode, open_intent):
    for call in count(1):
        world = new_world(mode)
        state = move_with_rollback(world, open_intent, call)
        if not state:
            break
        version = "v1" if state.stable == "v1" else "v2"  # v2: its promotion had begun
        assert (world.api.cluster.traffic(), read_state().stable) == ({version: 1.0}, version), call
        assert not read_state().intent and read_state().traffic_percent == 0
    assert call > 3

"""A release in Kubeflow's Model Registry: versions, figures, stages; and a registry that is away."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from components import storage
from components.release import candidate, state_machine
from components.release.registry_mirror import mirror_release, note_model_registry, version_stages
from components.release_state import HistoryEntry, Intent, ReleaseState, changes
from components.release_store import read_state, update_state
from components.step_result import StepResult
from testing.model_registry_server import RegistryDouble, serve_registry
from testing.servers import free_ports
from tests.components.release.test_canary import release_verdict

NOW = datetime(2026, 1, 5, tzinfo=UTC)


def follow(*steps):
    """Return the state with its history after some changes."""
    state = ReleaseState()
    for step in steps:
        after = step(state)
        entry = HistoryEntry(NOW.isoformat(), "test", {}, changes(state, after))
        state = replace(after, history=(*state.history, entry))
    return state


def release(version):
    return lambda state: state_machine.release_version(state, version, NOW)


def promote(state):
    state = state_machine.begin_promotion(replace(state, intent=Intent("promote")))
    return state_machine.end_experiment(state, "promoted", NOW)


def end(status):
    return lambda state: state_machine.end_experiment(state, status, NOW)


def test_every_version_has_its_stage():
    state = follow(
        lambda state: replace(state, stable="v0"), release("v1"), promote, release("v2"), end("rolled back"),
        release("v3"), release("v4"),
    )  # fmt: skip
    assert version_stages(state) == {
        "v0": "replaced", "v1": "stable", "v2": "rolled back", "v3": "dark", "v4": "waiting"
    }  # fmt: skip


def test_a_version_that_comes_back_is_stable_again():
    state = follow(lambda state: replace(state, stable="v0"), release("v1"), promote, release("v0"), promote)
    assert version_stages(state) == {"v0": "stable", "v1": "replaced"}


def test_without_a_setting_nothing_is_said():
    assert mirror_release(ReleaseState()) == ""
    assert note_model_registry(StepResult(0, 0)) == StepResult(0, 0)


@pytest.fixture
def registry(monkeypatch):
    double = RegistryDouble()
    with serve_registry(double) as url:
        monkeypatch.setenv("BROADFAST_MODEL_REGISTRY_URL", url)
        yield double


@pytest.fixture
def started(s3, package):
    """A baseline that serves and a dark candidate, with the candidate's metrics and lineage on S3."""
    baseline = candidate.register_baseline(package("old")).version
    new = candidate.start_canary(package("new"), release_verdict(package("new"))).version
    storage.put_json(f"packages/{new}/metrics.json", {"macro_f1": 0.8, "slices": {}, "precomputed_items": None})
    night = {"version": new, "git_sha": "1f3a", "artifacts": "", "gains": {"ndcg_at_10": {"difference": 0.1}}}
    storage.put_json("release/nights/20260105T000000Z.json", night)
    storage.put_json(f"packages/{new}/lineage.json", {"code": "src-1", "teachers": ["a", "b"], "pairs": {}})
    yield baseline, new
    storage.remove_folder("release/nights")  # which other tests with the same S3 would read


def stages(double):
    return {row["name"]: row["customProperties"]["stage"]["string_value"] for row in double.versions.values()}


@pytest.mark.slow
def test_a_release_is_registered_and_moved(started, registry):
    baseline, new = started
    assert mirror_release() == "Model Registry, relevance-broadfast: 2 registered, 0 moved"
    assert stages(registry) == {baseline: "stable", new: "dark"}
    assert {row["uri"] for row in registry.artifacts.values()} == {
        f"s3://broadfast/packages/{name}/" for name in started
    }
    (version,) = [row for row in registry.versions.values() if row["name"] == new]
    properties = {name: list(value.values())[-1] for name, value in version["customProperties"].items()}
    assert properties == {
        "macro_f1": 0.8, "code": "src-1", "teachers": "a, b", "stage": "dark", "git_sha": "1f3a", "gain_ndcg_at_10": 0.1
    }  # fmt: skip
    update_state(lambda state: promote(state), "test")
    assert note_model_registry(StepResult(1, 1)).details["model_registry"].endswith("0 registered, 2 moved")
    assert stages(registry) == {baseline: "replaced", new: "stable"}
    assert mirror_release().endswith("0 registered, 0 moved")


@pytest.mark.slow
def test_a_swept_package_is_archived(started, registry):
    mirror_release()
    update_state(lambda state: promote(state), "test")
    storage.remove_folder(f"packages/{started[0]}")
    mirror_release()
    assert {row["name"]: row["state"] for row in registry.versions.values()} == {
        started[0]: "ARCHIVED", started[1]: "LIVE"
    }  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("outage", ["away", "failing"])
def test_a_registry_that_is_away_stops_nothing(started, registry, outage, monkeypatch, tmp_path):
    if outage == "away":
        monkeypatch.setenv("BROADFAST_MODEL_REGISTRY_URL", f"http://127.0.0.1:{free_ports(1)[0]}")
    registry.failing = 503
    sentence = mirror_release(read_state())
    assert sentence.startswith("the Model Registry is not up to date, and the release goes on: http://127.0.0.1:")
    assert sentence.endswith("; the next step writes it")


@pytest.mark.slow
def test_a_release_is_written_once_it_is_back(started, registry):
    registry.failing = 503
    mirror_release()
    registry.failing = 0
    assert mirror_release().endswith("2 registered, 0 moved")

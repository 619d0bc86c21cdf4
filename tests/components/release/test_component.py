"""Each step of a release, called as a component."""

import json

import pytest
from kfp import dsl

from components import package_manifest
from components.release import component
from components.release.gate import GateConfig
from components.release.gate_verdict import StudentChoice
from components.release.router import EnvoyRouter
from components.release_store import read_state
from testing import servers
from tests.components.release import predictions

BENCHMARK = {
    "latency_ratio": 1.0,
    "cpu_ms_candidate": 5.0,
    "cpu_ms_baseline": 5.0,
    "checked_pairs": 32,
    "checked_right_candidate": 20,
    "checked_right_baseline": 20,
    "checked_lost": ["shoe / laces: Complement"],
    "checked_answers": [],
}


def facts(tmp_path):
    return dsl.Metrics(uri=str(tmp_path / "facts"))


def run_gate(tmp_path, new, old, **versions):
    for name in ("new_package", "old_package"):
        (tmp_path / name).mkdir(exist_ok=True)
        (tmp_path / name / "lineage.json").write_text(json.dumps({"labels_by_brand": {"Acme": [9, 9, 9, 9]}}))
    (tmp_path / "measured").write_text(json.dumps(BENCHMARK))
    (tmp_path / "choice").write_text(StudentChoice("plain", "The <plain> student is the candidate", {}).to_json_text())
    verdict = dsl.Artifact(uri=str(tmp_path / "verdict.json"))
    word = component.gate_candidate.python_func(
        dsl.Dataset(uri=str(predictions.write(tmp_path / "new", new))),
        dsl.Dataset(uri=str(predictions.write(tmp_path / "old", old, seed=3))),
        dsl.Model(uri=str(tmp_path / "none")),
        dsl.Model(uri=str(tmp_path / "new_package")),
        "plain",
        dsl.Model(uri=str(tmp_path / "old_package")),
        dsl.Metrics(uri=str(tmp_path / "measured")),
        dsl.Artifact(uri=str(tmp_path / "choice")),
        versions.get("candidate", "v2"),
        versions.get("serving", "v1"),
        "<last night's student>",
        GateConfig(bootstrap_samples=100).to_json(),
        verdict,
        dsl.HTML(uri=str(tmp_path / "report.html")),
        facts(tmp_path),
    )
    return word, verdict


def test_the_gate_asks_for_a_signature(tmp_path, monkeypatch):
    monkeypatch.setenv("BROADFAST_VERIFICATION_KEY_FILE", str(tmp_path / "public.pem"))
    word, _ = run_gate(tmp_path, 1.5, 1.0)
    reason = json.loads((tmp_path / "verdict.json").read_text())["reasons"][0]
    assert word == "reject" and reason.startswith("the package is not signed, and a key is configured")


def test_gate_candidate_writes_verdict_page_and_facts(tmp_path):
    word, verdict = run_gate(tmp_path, 1.5, 1.0)
    assert word == json.loads((tmp_path / "verdict.json").read_text())["verdict"] == "release"
    result = json.loads((tmp_path / "facts").read_text())
    assert result["rows_in"] == result["rows_out"] == 960
    assert result["headline"].startswith("release: macro-F1 0.")
    page = (tmp_path / "report.html").read_text()
    assert "The &lt;plain&gt; student is the candidate." in page
    assert "&lt;last night" in page and "<li>shoe / laces: Complement</li>" in page


@pytest.mark.slow
def test_the_steps_start_a_dark_candidate(tmp_path, s3, package):
    assert component.read_serving_version.python_func(facts(tmp_path)) == ""
    old, new = package("old"), package("new")
    stable = component.register_baseline.python_func(dsl.Model(uri=str(old)), facts(tmp_path))
    assert component.read_serving_version.python_func(facts(tmp_path)) == stable
    _, verdict = run_gate(tmp_path, 1.5, 1.0, candidate=package_manifest.version(new), serving=stable)
    packages = (dsl.Model(uri=str(new)), dsl.Model(uri=str(old)))
    started = component.start_canary.python_func(*packages, "LRKD", verdict, facts(tmp_path))
    assert started == read_state().candidate == package_manifest.version(new)


@pytest.mark.slow
def test_start_canary_refuses_a_candidate_that_was_rejected(tmp_path, s3, package):
    component.register_baseline.python_func(dsl.Model(uri=str(package("old"))), facts(tmp_path))
    _, verdict = run_gate(tmp_path, 1.0, 1.5)
    packages = [dsl.Model(uri=str(package(name))) for name in ("new", "old")]
    assert component.start_canary.python_func(*packages, "LRKD", verdict, facts(tmp_path)) == ""
    assert json.loads((tmp_path / "facts").read_text())["quarantined"] == 1


@pytest.mark.slow
def test_move_traffic_promotes_through_a_real_envoy(tmp_path, s3, package):
    new = package_manifest.version(package("new"))
    test_the_steps_start_a_dark_candidate(tmp_path, s3, package)
    EnvoyRouter(tmp_path, "").write_routes(0)
    decided = {
        "verdict": "promote",
        "reason": "-",
        "stages": [0],
        "experiment_id": read_state().experiment.experiment_id,
    }
    (tmp_path / "decided.json").write_text(json.dumps(decided))
    with servers.model_server(new) as stable, servers.envoy(tmp_path, stable.server_port, stable.server_port) as urls:
        variables = {"GATEWAY": str(tmp_path), "GATEWAY_URL": urls[0], "GATEWAY_ADMIN_URL": urls[2]}
        with servers.environment(**{f"BROADFAST_{name}": value for name, value in variables.items()}):
            decided = dsl.Artifact(uri=str(tmp_path / "decided.json"))
            assert component.move_traffic.python_func(decided, facts(tmp_path)) == "promote"
        assert EnvoyRouter(tmp_path, urls[2]).read_back() == 0
    assert (read_state().stable, read_state().candidate) == (new, None)

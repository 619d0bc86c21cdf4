"""Each profile is a whole configuration that survives the trip through JSON text."""

import subprocess
import sys
from dataclasses import fields, replace

import pytest
from typer.testing import CliRunner

from components.config import JsonConfig
from pipelines.cluster.deploy import app
from pipelines.cluster.run_plan import run_arguments, version_name
from pipelines.local.run import check_options
from pipelines.profiles import PROFILES
from pipelines.retrain import retrain
from testing.servers import environment


@pytest.mark.parametrize("name", PROFILES)
def test_configurations_survive_the_trip_through_json(name):
    profile = PROFILES[name]()
    configs = [getattr(profile, field.name) for field in fields(profile)] + [profile.plain, profile.first_baseline]
    configs = [config for config in configs if isinstance(config, JsonConfig)]
    assert len(configs) >= 11 and all(type(config).from_json(config.to_json()) == config for config in configs)


@pytest.mark.parametrize("name", PROFILES)
def test_a_profile_has_its_registered_name(name):
    assert PROFILES[name]().name == name


def test_the_pipelines_defaults_are_the_papers():
    profile = PROFILES["paper"]()
    defaults = {name: parameter.default for name, parameter in retrain.component_spec.inputs.items()}
    assert {name: defaults[name] for name in profile.parameters} == profile.parameters


def test_base_models_are_judged_greedily_with_examples():
    assert PROFILES["paper"]().before.prompt == "few_shot" and PROFILES["paper"]().held_out.prompt == "free"
    assert PROFILES["laptop"]().before == PROFILES["laptop"]().held_out
    assert all(PROFILES[name]().held_out_engine.temperature == 0 for name in PROFILES)


@pytest.mark.parametrize("name", PROFILES)
def test_teachers_are_judged_on_another_split(name):
    profile = PROFILES[name]()
    assert {profile.sampling.split, profile.final.split} == {"train"} and profile.held_out.split == "valid"
    assert profile.workers <= min(profile.sampling.buckets, profile.final.buckets)


@pytest.mark.parametrize("name", PROFILES)
def test_plain_students_have_the_same_budget(name):
    profile = PROFILES[name]()
    assert profile.plain.distillation == profile.first_baseline.distillation == "none" != profile.student.distillation
    assert profile.plain.epochs == profile.student.epochs and profile.first_baseline.train_share == 0.5


def test_a_first_baseline_is_named_as_it_is():
    quick, laptop = (PROFILES[name]() for name in ("quick", "laptop"))
    assert quick.first_baseline.epochs == 0 and "a fitted head on the frozen encoder" in quick.first_baseline_name
    assert laptop.first_baseline.epochs == laptop.student.epochs and "cross-entropy" in laptop.first_baseline_name


def test_every_profile_has_a_version_of_its_nodes():
    names = {profile: version_name("a1", profile) for profile in PROFILES}
    assert names.pop("cluster-demo") == "a1-cluster-demo" and set(names.values()) == {"a1"}


def test_an_added_profile_is_accepted_everywhere(monkeypatch, tmp_path):
    monkeypatch.setitem(PROFILES, "mine", lambda: replace(PROFILES["laptop"](), name="mine"))
    check_options("mine", None, None)
    assert run_arguments("retrain", "mine") == run_arguments("retrain", "laptop")
    words = ["deploy", "--profile", "mine", "--version", "a1", "--host", "http://127.0.0.1:1"]
    with environment(BROADFAST_REGISTRY="registry.internal/b"):
        assert "no Kubeflow Pipelines API" in CliRunner().invoke(app, words).output


def test_profiles_are_read_without_heavy_libraries():
    code = "import sys, pipelines.profiles; sys.exit(not {'torch', 'sklearn', 'scipy'}.isdisjoint(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0

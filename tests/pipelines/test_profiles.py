"""Each profile is a whole configuration that survives the trip through JSON text."""

import subprocess
import sys
from dataclasses import fields

import pytest

from components.config import JsonConfig
from pipelines.profiles import PROFILES
from pipelines.retrain import retrain


@pytest.mark.parametrize("name", PROFILES)
def test_every_configuration_of_a_profile_comes_back_the_same(name):
    profile = PROFILES[name]()
    configs = [getattr(profile, field.name) for field in fields(profile)] + [profile.plain, profile.first_baseline]
    found = [config for config in configs if isinstance(config, JsonConfig)]
    assert len(found) >= 11 and all(type(config).from_json(config.to_json()) == config for config in found)


@pytest.mark.parametrize("name", PROFILES)
def test_a_profile_is_called_what_it_is_asked_for_by(name):
    assert PROFILES[name]().name == name


def test_the_pipelines_defaults_are_the_papers():
    profile = PROFILES["paper"]()
    defaults = {name: said.default for name, said in retrain.component_spec.inputs.items()}
    assert {name: defaults[name] for name in profile.parameters} == profile.parameters


def test_a_base_model_that_needs_worked_examples_is_judged_with_them_and_greedily():
    assert PROFILES["paper"]().before.prompt == "few_shot" and PROFILES["paper"]().held_out.prompt == "free"
    assert PROFILES["laptop"]().before == PROFILES["laptop"]().held_out
    assert all(PROFILES[name]().held_out_engine.temperature == 0 for name in PROFILES)


@pytest.mark.parametrize("name", PROFILES)
def test_the_teacher_is_judged_on_another_split_than_it_is_tuned_on(name):
    profile = PROFILES[name]()
    assert {profile.sampling.split, profile.final.split} == {"train"} and profile.held_out.split == "valid"
    assert profile.workers <= min(profile.sampling.buckets, profile.final.buckets)


@pytest.mark.parametrize("name", PROFILES)
def test_plain_and_first_baseline_have_the_students_budget_without_its_alignment(name):
    profile = PROFILES[name]()
    assert profile.plain.variant == profile.first_baseline.variant == "cross_entropy" != profile.student.variant
    assert profile.plain.epochs == profile.student.epochs and profile.first_baseline.train_share == 0.5


def test_profiles_are_read_without_torch():
    code = "import sys, pipelines.profiles; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0

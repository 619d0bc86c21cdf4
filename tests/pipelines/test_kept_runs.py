"""How long a run may take on Kubeflow, and how long its Workflow stays."""

import pytest
from google.protobuf import json_format

from pipelines import resources
from pipelines.experiment import experiment


@pytest.mark.parametrize(("days", "seconds"), [("0.5", 43_200), ("7", 604_800)])
def test_runs_stay_as_the_setting_says(monkeypatch, days, seconds):
    monkeypatch.setenv("BROADFAST_KEEP_RUNS_DAYS", days)
    assert compiled_config() == {"resourceTtlOnCompletion": seconds}


def test_a_run_ends_at_its_deadline(monkeypatch):
    monkeypatch.setenv("BROADFAST_RUN_HOURS", "1.5")
    assert compiled_config() == {"activeDeadlineSeconds": 5400}


def test_earlier_servers_get_neither_field():
    assert compiled_config() == {}


def compiled_config():
    """Return what the compiled pipeline says of whole runs."""
    spec = json_format.MessageToDict(resources.prepare_for_cluster(experiment).platform_spec)
    return spec["platforms"]["kubernetes"].get("pipelineConfig", {})

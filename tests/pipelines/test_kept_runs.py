"""How long Kubeflow keeps a run's Workflow."""

import pytest
from google.protobuf import json_format

from pipelines import resources
from pipelines.experiment import experiment


@pytest.mark.parametrize(("days", "seconds"), [("0.5", 43_200), ("7", 604_800), ("0", None)])
def test_runs_stay_as_the_setting_says(monkeypatch, days, seconds):
    monkeypatch.setenv("BROADFAST_KEEP_RUNS_DAYS", days)
    spec = json_format.MessageToDict(resources.prepare_for_cluster(experiment).platform_spec)
    config = spec["platforms"]["kubernetes"].get("pipelineConfig", {})
    assert config == ({"resourceTtlOnCompletion": seconds} if seconds else {})

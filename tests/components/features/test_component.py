"""The step as Kubeflow calls it, without Kubeflow."""

import json

import pytest
from kfp import dsl

from components import contracts
from components.features.component import build_features

pytestmark = pytest.mark.slow  # imports Feast


def artifacts(tmp_path) -> dict:
    return {
        "features": dsl.Model(uri=str(tmp_path / "features")),
        "training_set": dsl.Dataset(uri=str(tmp_path / "training_set.parquet")),
        "facts": dsl.Metrics(uri=str(tmp_path / "facts")),
    }


def test_the_step_leaves_a_store_and_training_set(tables, tmp_path):
    judgements, items = (dsl.Dataset(uri=str(path)) for path in tables)
    outputs = artifacts(tmp_path)
    build_features.python_func(judgements, items, "", "2026-01-31T03:00:00+00:00", **outputs)
    facts = json.loads((tmp_path / "facts").read_text())
    assert (facts["rows_in"], facts["rows_out"], facts["headline"]) == (4, 4, "2 items, 2 queries")
    assert contracts.count(tmp_path / "training_set.parquet") == 4
    assert {"registry.db", "online.db"} <= {path.name for path in (tmp_path / "features").iterdir()}


def test_an_unreadable_moment_is_refused_with_an_example(tables, tmp_path):
    judgements, items = (dsl.Dataset(uri=str(path)) for path in tables)
    with pytest.raises(ValueError, match="as_of is 'yesterday'; give an ISO 8601 moment"):
        build_features.python_func(judgements, items, "", "yesterday", **artifacts(tmp_path))

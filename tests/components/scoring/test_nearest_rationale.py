"""The rationales nearest to a reasoning vector."""

import numpy as np
import pytest

from components import contracts
from components.scoring.nearest_rationale import NearestRationale
from testing.rows import rationale


def test_the_nearest_rationale_comes_with_its_similarity(tiny_package):
    (rationales,) = NearestRationale(tiny_package)(np.array([[1.0, 1.0, 0, 0]], np.float32))
    assert rationales[0]["predicted_label"] == "Exact"
    assert rationales[0]["similarity"] == pytest.approx(0.7071, abs=1e-4)
    assert {"perspective", "text", "query_id", "item_id"} <= rationales[0].keys()


def test_without_rationales_the_list_is_empty(tmp_path):
    contracts.write([], contracts.RATIONALE_EMBEDDINGS, tmp_path / "rationales.parquet")
    assert NearestRationale(tmp_path)(np.ones((2, 4), np.float32)) == [[], []]


def test_wrong_rationales_of_older_packages_are_dropped(tmp_path):
    names = [name for name in contracts.RATIONALE_EMBEDDINGS.names if name != "embedding"]
    rows = [
        rationale(key="right", label="Irrelevant", predicted_label="Irrelevant"),
        rationale(predicted_label="Irrelevant"),
    ]
    rows = [{name: row[name] for name in names} | {"embedding": [1.0, 0.0]} for row in rows]
    contracts.write(rows, contracts.RATIONALE_EMBEDDINGS, tmp_path / "rationales.parquet")
    (rationales,) = NearestRationale(tmp_path)(np.ones((1, 2), np.float32))
    assert [row["key"] for row in rationales] == ["right"]

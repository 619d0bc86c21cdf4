"""Lineage: what a package was made from."""

import json

import pytest

from components import contracts
from components.package_manifest import file_digest
from components.packaging.lineage import count_judgements, describe_lineage
from components.source_digest import source_digest
from components.student.unjudged import write_unjudged
from testing.rows import rationale, training_row


@pytest.mark.slow
def test_lineage_names_what_a_package_is_made_of(cross_encoder_package, trained_student, tables):
    folder = cross_encoder_package[0]
    lineage = json.loads((folder / "lineage.json").read_text())
    assert lineage["training_set"] == file_digest(tables[0])
    assert lineage["rationale_embeddings"] == file_digest(tables[1])
    assert lineage["weights"] == file_digest(trained_student[0] / "model.safetensors")
    assert lineage["teachers"] == [rationale()["model_digest"]] and lineage["code"] == source_digest()
    assert lineage["pairs"]["valid"] == dict.fromkeys(contracts.LABELS, 6) and lineage["queries"]["train"] == 18
    assert sum(lineage["rationales"].values()) == 24


def test_judgements_are_counted_by_split_and_brand(tmp_path):
    rows = [training_row(), training_row(label="Irrelevant", item_id="i2"), training_row(brand=None, split="valid")]
    contracts.write(rows, contracts.TRAINING_SET, tmp_path / "rows")
    counts = count_judgements(tmp_path / "rows")
    assert counts["pairs"]["train"] == {"Exact": 1, "Substitute": 0, "Complement": 0, "Irrelevant": 1}
    assert counts["queries"] == {"train": 1, "valid": 1}
    assert counts["labels_by_brand"] == {"Acme": [1, 0, 0, 1]}


def test_lineage_counts_unjudged_pairs_and_their_teacher(tmp_path):
    contracts.write([training_row()], contracts.TRAINING_SET, tmp_path / "rows")
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    assert describe_lineage(tmp_path / "rows", None, tmp_path)["unjudged_pairs"] == {}
    usage = {"unjudged": 6, "labelled": 4, "labelled_by": ["digest"], "mean_confidence": 0.9}
    write_unjudged(usage, tmp_path)
    assert describe_lineage(tmp_path / "rows", None, tmp_path)["unjudged_pairs"] == usage

"""A package holds all that serving loads, says what was measured, and shows whether anything in it was changed."""

import json
import shutil
import subprocess
import sys
from itertools import product

import numpy as np
import onnx
import pytest
import torch
from safetensors.torch import load_file, save_file

from components import contracts, package_manifest
from components.packaging.export import export
from components.packaging.model_card import slices
from components.packaging.package import PARITY, checked, drawn, explanation_agreement, load, main, package
from components.scoring.nearest_rationale import NearestRationale
from components.scoring.scorer import Scorer, Scores
from components.source_digest import source_digest
from testing.rows import rationale
from testing.student_fixtures import training_rows

pytestmark = pytest.mark.slow  # trains and exports

FILES = {"model.onnx", "model.int8.onnx", "model.safetensors", "config.json", "tokenizer.json", "metrics.json"}
FILES |= {"model.onnx_data", "model.int8.onnx_data", "encoder/config.json"}
FILES |= {"lineage.json", "model_card.md", "rationales.parquet"}


def test_a_package_is_complete_and_named_for_its_content(cross_encoder_package):
    folder, said = cross_encoder_package
    assert set(package_manifest.verify(folder)) == FILES
    assert said["version"] == package_manifest.version(folder) and said["rows_in"] == said["rows_out"] == 1


def test_pytorch_and_onnx_were_compared_on_the_valid_pairs(cross_encoder_package):
    said = json.loads((cross_encoder_package[0] / "metrics.json").read_text())
    assert said["parity_pairs"] == 24 and 0 <= said["parity_max_difference"] <= PARITY
    assert json.loads((cross_encoder_package[0] / "config.json").read_text())["served"] == said["served"]


def test_int8_is_served_only_where_it_keeps_the_labels(cross_encoder_package):
    said = cross_encoder_package[1]
    keeps = said["int8_agreement"] >= 0.99 and said["int8_macro_f1_loss"] <= 0.005
    assert said["served"] == ("model.int8.onnx" if keeps else "model.onnx")


def test_a_student_that_reads_apart_is_packaged_as_two_graphs(late_interaction_package):
    folder, said = late_interaction_package
    kinds = product(("encoder", "interaction"), (".onnx", ".onnx_data", ".int8.onnx", ".int8.onnx_data"))
    graphs = {part + kind for part, kind in kinds} - {"interaction.int8.onnx_data"}  # the head shares its weights
    assert set(package_manifest.verify(folder)) == {name for name in FILES if "onnx" not in name} | graphs | {
        "items.safetensors"
    }
    assert said["served"] in graphs and said["parity_max_difference"] <= PARITY


def test_the_head_of_late_interaction_stays_in_full_precision(late_interaction_package):
    folder, _ = late_interaction_package
    assert (folder / "interaction.int8.onnx").read_bytes() == (folder / "interaction.onnx").read_bytes()
    assert (folder / "encoder.int8.onnx").read_bytes() != (folder / "encoder.onnx").read_bytes()


def test_weights_lie_beside_their_graph_where_the_runtime_maps_them(cross_encoder_package):
    graph, weights = (cross_encoder_package[0] / name for name in ("model.onnx", "model.onnx_data"))
    held = {kept.name: kept for kept in onnx.load(graph, load_external_data=False).graph.initializer}
    table = next(kept for name, kept in held.items() if name.endswith("word_embeddings.weight"))
    assert {each.key: each.value for each in table.external_data}["location"] == weights.name and not table.raw_data
    assert graph.stat().st_size < weights.stat().st_size


@pytest.mark.parametrize("kind", ["cross_encoder_package", "late_interaction_package"])
def test_pytorch_and_onnx_give_the_same_answers(kind, request):
    folder, said = request.getfixturevalue(kind)
    assert said["parity_pairs"] == 24 and said["parity_max_difference"] <= PARITY
    assert Scorer(folder)([("red shoe", "red shoe 1")]).labels == ["Exact"]


def test_lineage_names_what_the_package_was_made_of(cross_encoder_package, tables):
    lineage = json.loads((cross_encoder_package[0] / "lineage.json").read_text())
    assert lineage["training_set"] == package_manifest.file_digest(tables[0])
    assert lineage["rationale_embeddings"] == package_manifest.file_digest(tables[1])
    assert lineage["weights"] == package_manifest.file_digest(cross_encoder_package[0] / "model.safetensors")
    assert lineage["teachers"] == [rationale()["model_digest"]] and lineage["code"] == source_digest()
    assert lineage["pairs"]["valid"] == dict.fromkeys(contracts.LABELS, 6) and lineage["queries"]["train"] == 18
    assert sum(lineage["rationales"].values()) == 24


def test_the_model_card_says_what_the_student_is_made_of_how_good_it_is_and_what_it_is_not_for(cross_encoder_package):
    folder, said = cross_encoder_package
    card = (folder / "model_card.md").read_text()
    assert f"| {100 * said['accuracy']:.1f}% | {100 * said['macro_f1']:.1f}% |" in card
    assert "| valid | 6 | 6 | 6 | 6 | 6 |" in card and "24 attributes" in card and "lambda 1.0, cosine" in card
    assert "read together throughout\n- Row of `make ablation`: LRKD, cross_encoder\n" in card
    assert "| label Exact | 6 |" in card and "Not for decisions about people" in card
    assert "{{" not in card and "None" not in card


def test_slices_are_named_harmlessly_whatever_the_data_calls_them():
    rows = [{"label": "Exact", "predicted_label": "Exact", "query_class": "tail", "locale": "us|<b>\n| x"}]
    assert set(slices(rows)) == {"label Exact", "query class tail", "locale us x"}


def test_explanations_are_counted_that_end_in_the_predicted_label(cross_encoder_package):
    assert 0 <= cross_encoder_package[1]["explanation_agreement"] <= 1
    assert cross_encoder_package[1]["slices"]["label Exact"]["pairs"] == 6


def test_without_rationales_nothing_is_said_of_explanations(cross_encoder_package, tmp_path):
    contracts.write([], contracts.RATIONALE_EMBEDDINGS, tmp_path / "rationales.parquet")
    scores = Scores(contracts.LABELS, np.eye(4, dtype=np.float32), np.eye(4, dtype=np.float32))
    assert explanation_agreement(scores, NearestRationale(tmp_path)) is None


def test_an_index_holds_at_most_so_many_and_always_the_same():
    rows = [{"key": str(n)} for n in range(100)]
    assert drawn(rows, 10, ("key",)) == drawn(reversed(rows), 10, ("key",)) and len(drawn(rows, 200, ("key",))) == 100


def test_a_saved_student_comes_back_with_its_weights(trained_student):
    student, config = load(trained_student[0])
    saved = load_file(trained_student[0] / "model.safetensors")
    assert all(torch.equal(value, saved[name]) for name, value in student.state_dict().items())
    assert config["extractor"] == "mlp" and not student.training


def test_weights_of_another_shape_are_not_packaged(trained_student, tables, tmp_path):
    shutil.copytree(trained_student[0], tmp_path / "student")
    weights = load_file(tmp_path / "student" / "model.safetensors")
    save_file({name: value for name, value in weights.items() if "classifier" not in name}, tmp_path / "weights")
    (tmp_path / "weights").replace(tmp_path / "student" / "model.safetensors")
    with pytest.raises(RuntimeError, match="Missing key.*classifier.weight"):
        package(tmp_path / "student", tables[1], tables[0], tmp_path / "package")
    assert not (tmp_path / "package" / "manifest.json").exists()


def test_an_export_that_differs_from_the_model_is_refused(trained_student, tmp_path):
    student, config = load(trained_student[0])
    graph = export(student, tmp_path)
    for name in ("tokenizer.json", "model.safetensors"):
        shutil.copy(trained_student[0] / name, tmp_path / name)
    with torch.no_grad():
        student.classifier.bias += torch.tensor([0.0, 0.5, 0.0, 0.0])
    with pytest.raises(ValueError, match="ONNX differs from PyTorch by .*: not packaged"):
        checked(student, config, training_rows(4)[-4:], tmp_path, graph)


def test_without_a_valid_pair_the_export_cannot_be_checked_and_is_refused(trained_student, tables, tmp_path):
    rows = [row for row in training_rows(4) if row["split"] == "train"]
    contracts.write(rows, contracts.TRAINING_SET, tmp_path / "rows")
    with pytest.raises(ValueError, match="no pair in the split 'valid': the export cannot be checked"):
        package(trained_student[0], tables[1], tmp_path / "rows", tmp_path / "package")


def test_the_command_verifies_a_package_and_names_what_was_changed(cross_encoder_package, tmp_path):
    command = [sys.executable, "-m", "components.packaging.package", "verify"]
    good = subprocess.run([*command, str(cross_encoder_package[0])], capture_output=True, text=True, check=True)
    served = cross_encoder_package[1]["served"]
    assert (
        good.stdout
        == f"{cross_encoder_package[1]['version']}: {len(FILES)} files as the manifest says; serves {served}\n"
    )
    shutil.copytree(cross_encoder_package[0], tmp_path / "package")
    (tmp_path / "package" / "config.json").write_text("{}")
    bad = subprocess.run([*command, str(tmp_path / "package")], capture_output=True, text=True, check=False)
    assert bad.returncode == 1 and bad.stderr.endswith("config.json was changed: its sha256 is not the manifest's\n")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"format": 4}, "is a package of format 4; this release reads 5, 6"),
        ({"served": None, "temperature": None}, "config.json does not say served, temperature"),
    ],
)
def test_a_package_that_this_release_cannot_read_is_said_so(cross_encoder_package, tmp_path, capsys, change, sentence):
    shutil.copytree(cross_encoder_package[0], tmp_path / "package")
    config = json.loads((cross_encoder_package[0] / "config.json").read_text()) | change
    (tmp_path / "package" / "config.json").write_text(
        json.dumps({name: value for name, value in config.items() if value is not None})
    )
    package_manifest.write(tmp_path / "package")
    assert main(["verify", str(tmp_path / "package")]) == 1 and sentence in capsys.readouterr().err


def test_a_folder_that_is_no_package_is_said_so(tmp_path, capsys):
    assert main(["verify", str(tmp_path)]) == 1
    assert "has no manifest.json: it is not a package, or was not finished" in capsys.readouterr().err

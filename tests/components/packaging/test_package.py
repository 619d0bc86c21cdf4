"""A package holds all that serving loads."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import onnx
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModel

from components import contracts, package_manifest
from components.packaging.export import export
from components.packaging.package import load_student, make_package, sample_by_hash, write_rationales
from components.packaging.quantise import keep_served_graph, quantise_graphs
from components.student.train import train
from testing.all_graphs import add_all_graphs
from testing.rows import rationale

FILES = {"projection.safetensors", "config.json", "tokenizer.json", "metrics.json", "encoder/config.json"}
FILES |= {"lineage.json", "model_card.md", "rationales.parquet"}
CROSS_ENCODER = {served: {served, f"{served}_data"} for served in ("model.onnx", "model.int8.onnx")}
LATE_INTERACTION = {
    "interaction.onnx": {"interaction.onnx", "interaction.onnx_data", "encoder.onnx", "encoder.onnx_data"},
    "interaction.int8.onnx": {  # which shares its weights with the full-precision one
        "interaction.int8.onnx", "interaction.onnx_data", "encoder.int8.onnx", "encoder.int8.onnx_data",
    },
}  # fmt: skip


@pytest.mark.slow
def test_a_package_is_named_for_its_content(cross_encoder_package):
    folder, details = cross_encoder_package
    assert set(package_manifest.verify(folder)) == FILES | CROSS_ENCODER[details["served_graph"]]
    assert details["version"] == package_manifest.version(folder)


@pytest.mark.slow
def test_late_interaction_is_packaged_as_two_graphs(late_interaction_package):
    folder, details = late_interaction_package
    graphs = LATE_INTERACTION[details["served_graph"]]
    assert set(package_manifest.verify(folder)) == FILES | graphs | {"items.safetensors"}


@pytest.mark.slow
@pytest.mark.parametrize("served", LATE_INTERACTION)
def test_a_served_graph_keeps_what_it_reads(late_interaction_package, late_interaction_student, tmp_path, served):
    folder = shutil.copytree(late_interaction_package[0], tmp_path / "package")
    add_all_graphs(folder, late_interaction_student)
    keep_served_graph(folder, served)
    assert {path.name for path in folder.glob("*.onnx*")} == LATE_INTERACTION[served]


@pytest.mark.slow
def test_the_interaction_stays_in_full_precision(late_interaction_student, tmp_path):
    folder = tmp_path
    quantise_graphs(folder, export(load_student(late_interaction_student)[0], folder))
    assert (folder / "interaction.int8.onnx").read_bytes() == (folder / "interaction.onnx").read_bytes()
    assert (folder / "encoder.int8.onnx").read_bytes() != (folder / "encoder.onnx").read_bytes()


@pytest.mark.slow
def test_weights_lie_beside_their_graph(trained_student, tmp_path):
    export(load_student(trained_student[0])[0], tmp_path)
    graph = tmp_path / "model.onnx"
    weights = tmp_path / "model.onnx_data"
    constants = onnx.load(graph, load_external_data=False).graph.initializer
    table = next(constant for constant in constants if constant.name.endswith("word_embeddings.weight"))
    location = {entry.key: entry.value for entry in table.external_data}["location"]
    assert location == weights.name and not table.raw_data
    assert graph.stat().st_size < weights.stat().st_size


def test_a_sample_is_bounded_and_always_the_same():
    rows = [{"key": str(number)} for number in range(100)]
    assert sample_by_hash(rows, 10, ("key",)) == sample_by_hash(reversed(rows), 10, ("key",))
    assert len(sample_by_hash(rows, 200, ("key",))) == 100


@pytest.mark.slow
@pytest.mark.parametrize("architecture", ["cross_encoder", "late_interaction"])
def test_an_encoder_in_bf16_gives_a_float32_package(encoder, tables, config, tmp_path, architecture):
    AutoModel.from_pretrained(encoder).to(torch.bfloat16).save_pretrained(tmp_path / "encoder")
    for path in Path(encoder).glob("tokenizer*"):
        shutil.copy(path, tmp_path / "encoder")
    short = replace(config, encoder=str(tmp_path / "encoder"), architecture=architecture, epochs=0.5)
    train(*tables, short, tmp_path / "student")
    make_package(tmp_path / "student", tables[1], tables[0], tmp_path / "package")
    weights = load_file(tmp_path / "package" / "projection.safetensors")
    assert {weight.dtype for weight in weights.values()} == {torch.float32}
    student, _ = load_student(tmp_path / "student")
    assert {weight.dtype for weight in student.state_dict().values()} == {torch.float32}


@pytest.mark.slow
def test_loading_rounds_no_weight_to_bf16(trained_student, tmp_path):
    shutil.copytree(trained_student[0], tmp_path / "student")
    path = tmp_path / "student" / "encoder" / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"dtype": "bfloat16"}))
    student, _ = load_student(tmp_path / "student")
    weights = load_file(trained_student[0] / "model.safetensors")
    assert all(torch.equal(weight, weights[name]) for name, weight in student.state_dict().items())


@pytest.mark.slow
def test_a_saved_student_keeps_its_weights(trained_student):
    student, config = load_student(trained_student[0])
    weights = load_file(trained_student[0] / "model.safetensors")
    assert all(torch.equal(value, weights[name]) for name, value in student.state_dict().items())
    assert config["extractor"] == "mlp" and not student.training


@pytest.mark.slow
def test_weights_of_another_shape_are_not_packaged(trained_student, tables, tmp_path):
    shutil.copytree(trained_student[0], tmp_path / "student")
    weights = load_file(tmp_path / "student" / "model.safetensors")
    save_file({name: value for name, value in weights.items() if "classifier" not in name}, tmp_path / "weights")
    (tmp_path / "weights").replace(tmp_path / "student" / "model.safetensors")
    with pytest.raises(RuntimeError, match="Missing key.*classifier.weight"):
        make_package(tmp_path / "student", tables[1], tables[0], tmp_path / "package")
    assert not (tmp_path / "package" / "manifest.json").exists()


def test_only_right_rationales_are_packaged(tmp_path):
    names = [name for name in contracts.RATIONALE_EMBEDDINGS.names if name != "embedding"]
    labels = (("Exact", "Exact"), ("Exact", "Irrelevant"), ("Irrelevant", "Exact"), ("Substitute", "Substitute"))
    rows = [rationale(key=str(n), label=judged, predicted_label=label) for n, (judged, label) in enumerate(labels)]
    rows = [{name: row[name] for name in names} | {"embedding": [1.0]} for row in rows]
    contracts.write(rows, contracts.RATIONALE_EMBEDDINGS, tmp_path / "embeddings")
    assert write_rationales(tmp_path / "embeddings", tmp_path) == 2
    stored_rows = contracts.read(contracts.RATIONALE_EMBEDDINGS, tmp_path / "rationales.parquet")
    assert {row["key"] for row in stored_rows} == {"0", "3"}


def test_a_plain_student_explains_nothing(tmp_path):
    assert write_rationales(None, tmp_path) == 0
    assert contracts.read(contracts.RATIONALE_EMBEDDINGS, tmp_path / "rationales.parquet") == []

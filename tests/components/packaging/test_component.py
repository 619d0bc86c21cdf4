"""Train, package and predict, each called as a component."""

import json
from dataclasses import replace

import pytest
from kfp import dsl

from components import contracts, package_manifest
from components.packaging import component
from components.student.component import train_student

pytestmark = pytest.mark.slow  # trains


@pytest.fixture
def inputs(tables):
    return [dsl.Dataset(uri=str(path)) for path in tables]


def facts(tmp_path) -> dsl.Metrics:
    return dsl.Metrics(uri=str(tmp_path / "facts"))


def read_facts(tmp_path) -> dict:
    return json.loads((tmp_path / "facts").read_text())


def test_train_then_package_then_predict(inputs, tables, config, tmp_path):
    training_set, embeddings = inputs
    student = dsl.Model(uri=str(tmp_path / "student"))
    package = dsl.Model(uri=str(tmp_path / "package"))
    train_student.python_func(training_set, embeddings, config.to_json(), student, facts(tmp_path))
    assert read_facts(tmp_path)["headline"].startswith("loss ")
    card = dsl.Markdown(uri=str(tmp_path / "card"))
    version = component.package_student.python_func(student, embeddings, training_set, package, card, facts(tmp_path))
    assert version == read_facts(tmp_path)["version"] == package_manifest.version(tmp_path / "package")
    assert (tmp_path / "card").read_text() == (tmp_path / "package" / "model_card.md").read_text()
    assert package.metadata["version"] == version and package.metadata["code"].startswith("src-")
    assert package.metadata["training_set"] == package_manifest.file_digest(tables[0])
    confusion = dsl.ClassificationMetrics(uri=str(tmp_path / "confusion"))
    out = dsl.Dataset(uri=str(tmp_path / "predictions"))
    component.predict_split.python_func(package, training_set, "valid", out, confusion, facts(tmp_path))
    assert read_facts(tmp_path)["rows_out"] == 24 and read_facts(tmp_path)["version"] == version
    assert json.loads((tmp_path / "confusion").read_text()) == read_facts(tmp_path)["confusion"]


def test_without_rationales_nothing_is_distilled_or_packaged(inputs, config, tmp_path):
    none = dsl.Dataset(uri=str(tmp_path / "none"))
    contracts.write([], contracts.RATIONALE_EMBEDDINGS, none.path)
    student, package = (dsl.Model(uri=str(tmp_path / name)) for name in ("student", "package"))
    train_student.python_func(inputs[0], none, config.to_json(), student, facts(tmp_path))
    assert read_facts(tmp_path)["absent"] == "there is no rationale to learn from"
    card = dsl.Markdown(uri=str(tmp_path / "card"))
    assert component.package_student.python_func(student, none, inputs[0], package, card, facts(tmp_path)) == ""
    assert package.metadata == {"absent": "there is no rationale to learn from"}
    assert "no rationale to learn from" in (tmp_path / "card").read_text()
    out = dsl.Dataset(uri=str(tmp_path / "predictions"))
    confusion = dsl.ClassificationMetrics(uri=str(tmp_path / "confusion"))
    component.predict_split.python_func(package, inputs[0], "valid", out, confusion, facts(tmp_path))
    assert read_facts(tmp_path)["headline"] == "none: there is no rationale to learn from"
    assert contracts.count(out.path) == 0


def test_a_first_run_trains_its_baseline(inputs, config, tmp_path):
    plain = replace(config, align_weight=0.0)
    package = dsl.Model(uri=str(tmp_path / "package"))
    version = component.baseline_package.python_func("", inputs[0], plain.to_json(), package, facts(tmp_path))
    assert version == package_manifest.version(tmp_path / "package")
    assert read_facts(tmp_path)["headline"].startswith("first run: ")
    assert read_facts(tmp_path)["trained"]["rows_out"] > 0


def test_the_serving_version_is_the_next_baseline(s3, cross_encoder_package, inputs, config, tmp_path):
    from components.release.registry import register

    serving = register(cross_encoder_package[0])
    package = dsl.Model(uri=str(tmp_path / "package"))
    version = component.baseline_package.python_func(serving, inputs[0], config.to_json(), package, facts(tmp_path))
    assert version == serving == package_manifest.version(tmp_path / "package")
    assert read_facts(tmp_path)["headline"] == f"{serving} serves"


def test_an_unregistered_version_is_an_error(s3, inputs, config, tmp_path):
    package = dsl.Model(uri=str(tmp_path / "package"))
    with pytest.raises(FileNotFoundError, match="packages/student-none holds nothing"):
        component.baseline_package.python_func("student-none", inputs[0], config.to_json(), package, facts(tmp_path))

"""Train, package and predict, each called as a component."""

import json

import pytest
from kfp import dsl

from components import package_manifest
from components.packaging import component
from components.student.component import train_student

pytestmark = pytest.mark.slow  # trains


@pytest.fixture
def inputs(tables):
    return [dsl.Dataset(uri=str(path)) for path in tables]


def facts(tmp_path) -> dsl.Metrics:
    return dsl.Metrics(uri=str(tmp_path / "facts"))


def recorded(tmp_path) -> dict:
    return json.loads((tmp_path / "facts").read_text())


def test_train_then_package_then_predict(inputs, config, tmp_path):
    training_set, embeddings = inputs
    student, package = dsl.Model(uri=str(tmp_path / "student")), dsl.Model(uri=str(tmp_path / "package"))
    train_student.python_func(training_set, embeddings, config.to_json(), student, facts(tmp_path))
    assert recorded(tmp_path)["headline"].startswith("loss ")
    version = component.package_student.python_func(student, embeddings, training_set, package, facts(tmp_path))
    assert version == recorded(tmp_path)["version"] == package_manifest.version(tmp_path / "package")
    confusion = dsl.ClassificationMetrics(uri=str(tmp_path / "confusion"))
    out = dsl.Dataset(uri=str(tmp_path / "predictions"))
    component.predict_split.python_func(package, training_set, "valid", out, confusion, facts(tmp_path))
    assert recorded(tmp_path)["rows_out"] == 24 and recorded(tmp_path)["version"] == version
    assert json.loads((tmp_path / "confusion").read_text()) == recorded(tmp_path)["confusion"]


def test_on_a_first_run_the_baseline_is_trained(inputs, config, tmp_path):
    package = dsl.Model(uri=str(tmp_path / "package"))
    version = component.baseline_package.python_func("", *inputs, config.to_json(), package, facts(tmp_path))
    assert version == package_manifest.version(tmp_path / "package")
    assert recorded(tmp_path)["headline"].startswith("first run: ") and recorded(tmp_path)["trained"]["rows_out"] > 0


def test_later_the_baseline_is_the_version_that_serves(s3, cross_encoder_package, inputs, config, tmp_path):
    from components.release.registry import register

    serving, package = register(cross_encoder_package[0]), dsl.Model(uri=str(tmp_path / "package"))
    version = component.baseline_package.python_func(serving, *inputs, config.to_json(), package, facts(tmp_path))
    assert version == serving == package_manifest.version(tmp_path / "package")
    assert recorded(tmp_path)["headline"] == f"{serving} serves"


def test_a_version_that_the_registry_does_not_hold_is_an_error(s3, inputs, config, tmp_path):
    package = dsl.Model(uri=str(tmp_path / "package"))
    with pytest.raises(FileNotFoundError, match="packages/student-none holds nothing"):
        component.baseline_package.python_func("student-none", *inputs, config.to_json(), package, facts(tmp_path))

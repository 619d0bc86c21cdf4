"""What a night left is counted by step, from the run's own folder."""

import json

import pytest

from bench.night.adapters import adapter_bytes
from bench.night.measure import count_artifacts
from bench.night.steps import measure


def test_artifacts_are_counted_by_step(tmp_path):
    for run, step, name, size in (
        ("retrain-1", "fine-tune", "model", 9),
        ("retrain-2", "fine-tune", "model/model.json", 3),
        ("retrain-2", "fine-tune", "facts", 2),
        ("retrain-2", "fine-tune", "executor_output.json", 7),
        ("retrain-2", "package-student", "package/model.onnx", 5),
    ):
        path = tmp_path / "state" / "kfp" / run / step / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * size)
    assert count_artifacts(tmp_path) == {"fine-tune": 5, "package-student": 5}


def test_a_home_without_a_night_is_refused(tmp_path):
    with pytest.raises(ValueError, match="holds no night: make smoke RUN='--home"):
        count_artifacts(tmp_path)


def test_an_adapter_of_the_papers_teacher_is_small():
    assert adapter_bytes() == 128_450_560  # 64 million numbers of two bytes


def test_steps_say_their_most_and_their_artifacts(tmp_path):
    package = tmp_path / "night" / "package-student" / "package"
    package.mkdir(parents=True)
    (package / "model.onnx").write_bytes(b"x" * 250_000)
    steps = [
        {"title": "package plain student", "cpu_seconds": 9.0, "memory_gb": 1.0},
        {"title": "begin look", "cpu_seconds": 1.0, "memory_gb": 0.5},
        {"title": "begin look", "cpu_seconds": 2.0, "memory_gb": 0.4},
        {"title": "shoppers, look 1", "cpu_seconds": 0.0, "memory_gb": 0.0},
    ]
    (tmp_path / "summary.json").write_text(json.dumps({"steps": steps}))
    assert measure(tmp_path, tmp_path / "night") == {
        "package_plain_student": {"cpu_seconds": 9.0, "memory_gb": 1.0, "artifacts_mb": 0.2},
        "begin_look": {"cpu_seconds": 2.0, "memory_gb": 0.5},
    }


def test_an_unfinished_run_has_no_steps(tmp_path):
    with pytest.raises(ValueError, match="summary.json is missing: give the folder of a finished run"):
        measure(tmp_path, tmp_path)

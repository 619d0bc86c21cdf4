"""Models of a hub in the platform's bucket: sent once, checked when they are read, found by the hub's name."""

import shutil
from pathlib import Path

import pytest

from components import pretrained, storage
from components.model_mirror import download_mirror, find_mirror, mirror_prefix, upload_mirror
from components.pretrained import base_digest, load_base_tokenizer, model_digest, model_path

pytestmark = pytest.mark.slow  # S3
MODEL = "shop/tiny-llm"


@pytest.fixture
def mirrored(s3, llm, tmp_path):
    """Mirror a tiny model under a hub's name."""
    storage.remove_folder(mirror_prefix(MODEL))
    pretrained.fetch_mirror.cache_clear()
    return upload_mirror(shutil.copytree(llm, tmp_path / "hub"), MODEL, "abc", report=lambda line: None)


def test_a_hub_name_is_found_in_the_bucket(mirrored, llm):
    folder = model_path(MODEL)
    assert model_digest(folder) == model_digest(llm)
    assert model_path("shop/another") == "shop/another"


def test_the_digest_needs_no_download(mirrored, llm):
    assert base_digest(MODEL) == model_digest(llm)
    assert pretrained.fetch_mirror.cache_info().currsize == 0


def test_a_tokenizer_needs_no_weights(mirrored, llm, tmp_path):
    assert load_base_tokenizer(MODEL).get_vocab() == load_base_tokenizer(str(llm)).get_vocab()
    assert not list(Path(model_path(MODEL, has_weights=False)).glob("*.safetensors"))


def test_what_is_there_is_not_sent_again(mirrored, llm):
    lines = []
    storage.client().remove_object("broadfast", f"{mirrored.prefix}/config.json")
    storage.client().remove_object("broadfast", f"{mirrored.prefix}/mirror.json")
    assert find_mirror(MODEL) is None  # half a mirror is none
    upload_mirror(llm, MODEL, "abc", report=lines.append)
    sent = [line for line in lines if not line.endswith("is there")]
    assert len(sent) == 1 and sent[0].startswith("config.json: ") and find_mirror(MODEL) == mirrored


def test_a_changed_file_is_refused(mirrored, tmp_path):
    storage.put_bytes(f"{mirrored.prefix}/config.json", b"{}")
    with pytest.raises(ValueError, match="models/shop--tiny-llm/config.json was changed: .*make models"):
        download_mirror(mirrored, tmp_path / "copy")

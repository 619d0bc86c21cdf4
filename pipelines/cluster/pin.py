"""Pins production's images by digest, as the registry has them: `python -m pipelines.cluster.pin`, or `make pin`.

It writes manifests/overlays/production/images/kustomization.yaml, without which that overlay does not render.
"""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Annotated

import typer
import yaml

from pipelines.errors import stop

OUT = Path("manifests/overlays/production/images/kustomization.yaml")
STAGING = Path("manifests/overlays/staging/kustomization.yaml")  # the tags of images that are not ours
OURS = ("serving-python", "student-python", "teacher-python")
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def pin(
    registry: Annotated[str, typer.Option(help="Registry and prefix of our images.", envvar="BROADFAST_REGISTRY")],
    tag: Annotated[str, typer.Option(help="Their tag: the git sha.", envvar="BROADFAST_IMAGE_TAG")],
    insecure: Annotated[bool, typer.Option(help="The registry speaks HTTP.")] = False,
    out: Annotated[Path, typer.Option(help="File to write.")] = OUT,
) -> None:
    """Resolve every tag to its digest, and write the digests for kustomize."""
    if not shutil.which("skopeo"):
        stop("skopeo asks registries for digests, and is not installed: apt-get install skopeo, or brew install skopeo")
    ours = {f"broadfast/{name}": (f"{registry}/{name}", tag) for name in OURS}
    images = [
        {"name": name, "newName": repository, "digest": resolve_digest(repository, image_tag, insecure)}
        for name, (repository, image_tag) in (ours | third_party_images()).items()
    ]
    component = {"apiVersion": "kustomize.config.k8s.io/v1alpha1", "kind": "Component", "images": images}
    comment = f"# Written by `make pin` from {registry}:{tag}; write it again, never by hand.\n"
    text = comment + yaml.safe_dump(component)
    if out.exists() and out.read_text() == text:
        typer.echo(f"{out}: nothing to do")
        return
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(text)
    for image in images:
        typer.echo(f"{image['newName']}@{image['digest']}")
    typer.echo(f"{out}: {len(images)} images")


def third_party_images() -> dict[str, tuple[str, str]]:
    """Return other people's images that production runs, with the tags of staging."""
    images = yaml.safe_load(STAGING.read_text())["images"]
    return {image["name"]: (image["name"], image["newTag"]) for image in images if "library/redis" in image["name"]}


def resolve_digest(repository: str, tag: str, insecure: bool) -> str:
    """Return the digest that a tag has now, which covers all platforms."""
    options = ["--tls-verify=false"] if insecure else []
    command = ["skopeo", "inspect", "--no-tags", *options, f"docker://{repository}:{tag}"]
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode:
        stop(f"no digest of {repository}:{tag}: {result.stderr.strip()[-300:]}")
    return json.loads(result.stdout)["Digest"]


if __name__ == "__main__":
    app()

"""Digests of production's images, asked of the registry: `python -m pipelines.cluster.pin`, or `make pin`.

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
OTHERS = Path("manifests/overlays/staging/kustomization.yaml")  # the tags of images that are not ours
OURS = ("serving-python", "student-python", "teacher-python")
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def pin(
    registry: Annotated[str, typer.Option(help="Registry and prefix of our images.", envvar="BROADFAST_REGISTRY")],
    tag: Annotated[str, typer.Option(help="Their tag: the git sha.", envvar="BROADFAST_IMAGE_TAG")],
    insecure: Annotated[bool, typer.Option(help="The registry speaks HTTP.")] = False,
    out: Annotated[Path, typer.Option(help="File to write.")] = OUT,
) -> None:
    """Resolve every tag to the digest that the registry has now, and write them where kustomize reads them."""
    if not shutil.which("skopeo"):
        stop("skopeo asks registries for digests, and is not installed: apt-get install skopeo, or brew install skopeo")
    ours = {f"broadfast/{name}": (f"{registry}/{name}", tag) for name in OURS}
    pinned = [
        {"name": name, "newName": place, "digest": digest(place, said, insecure)}
        for name, (place, said) in (ours | others()).items()
    ]
    component = {"apiVersion": "kustomize.config.k8s.io/v1alpha1", "kind": "Component", "images": pinned}
    text = f"# Written by `make pin` from {registry}:{tag}; write it again, never by hand.\n" + yaml.safe_dump(
        component
    )
    if out.exists() and out.read_text() == text:
        typer.echo(f"{out}: nothing to do")
        return
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(text)
    for image in pinned:
        typer.echo(f"{image['newName']}@{image['digest']}")
    typer.echo(f"{out}: {len(pinned)} images")


def others() -> dict[str, tuple[str, str]]:
    """Other people's images that production has too, with the tags that staging runs."""
    images = yaml.safe_load(OTHERS.read_text())["images"]
    return {image["name"]: (image["name"], image["newTag"]) for image in images if "library/redis" in image["name"]}


def digest(place: str, tag: str, insecure: bool) -> str:
    """What a registry says that a tag is now; of several platforms, all of them."""
    command = ["skopeo", "inspect", "--no-tags", *["--tls-verify=false"] * insecure, f"docker://{place}:{tag}"]
    asked = subprocess.run(command, capture_output=True, text=True)
    if asked.returncode:
        stop(f"no digest of {place}:{tag}: {asked.stderr.strip()[-300:]}")
    return json.loads(asked.stdout)["Digest"]


if __name__ == "__main__":
    app()

"""The platform on a cluster: `python -m pipelines.cluster.apply staging`, or `make deploy-platform OVERLAY=staging`.

Renders an overlay, holds it to the manifests' rules, asks the cluster what would change, applies that alone, and says
what serves.
"""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer
import yaml

from pipelines.cluster.manifest_rules import faults
from pipelines.errors import stop

OVERLAYS = Path("manifests/overlays")
EXAMPLE = "registry.example.com"
EXAMPLE_IMAGE = re.compile(rf"{re.escape(EXAMPLE)}/broadfast/(?P<name>[a-z]+-python):0\.1\.0")
OWNER = "--field-manager=broadfast-platform"
CHANGED = 1  # what `kubectl diff` ends with where something would change
NOTHING_SERVES = """nothing serves yet: the release step makes the InferenceServices, once there is a package. Next:
  make deploy-pipeline            # the nightly retraining, and the experiment every 15 minutes
then start the first night in the Kubeflow UI (Recurring Runs, broadfast-retrain, Clone) or wait for it; the look after
its gate serves its package. `make status` says how far it is."""
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def deploy(
    overlay: Annotated[str, typer.Argument(help="staging, production, kubeflow, or a folder of your own.")] = "staging",
    registry: Annotated[str, typer.Option(help="Where our images are.", envvar="BROADFAST_REGISTRY")] = "",
    tag: Annotated[str, typer.Option(help="Their tag: the git sha.", envvar="BROADFAST_IMAGE_TAG")] = "",
    dry_run: Annotated[bool, typer.Option(help="Say what would change, and change nothing.")] = False,
) -> None:
    """Apply an overlay; where the cluster is as it says already, nothing is done."""
    folder = Path(overlay) if Path(overlay).is_dir() else OVERLAYS / overlay
    if not folder.is_dir():
        known = ", ".join(sorted(path.name for path in OVERLAYS.iterdir()))
        stop(f"{overlay!r} is none of {known}, nor a folder")
    if folder.name == "production" and not (folder / "images").is_dir():
        stop("production's images are not pinned: run `make pin REGISTRY=... TAG=...` where the registry is reachable")
    text = named(kubectl("kustomize", str(folder)), registry, tag)
    objects = [one for one in yaml.safe_load_all(text) if one]
    if found := faults(objects, production=folder.name == "production"):
        stop("\n".join([*found, f"{len(found)} faults in {folder}: nothing is applied"]))
    typer.echo(f"{folder}: {len(objects)} objects, 0 faults")
    apply(text, dry_run)
    namespace = next(one["metadata"]["namespace"] for one in objects if one["kind"] == "ConfigMap")
    serving = json.loads(kubectl("get", "inferenceservices", "-n", namespace, "-o", "json"))["items"]
    for one in serving:
        typer.echo(
            f"{one['metadata']['name']} serves {one['metadata'].get('labels', {}).get('broadfast/version', '?')}"
        )
    if not serving:
        typer.echo(NOTHING_SERVES)


def named(text: str, registry: str, tag: str) -> str:
    """The overlay with our images where they are; those that are pinned by digest stay as they are."""
    if registry and tag:
        text = EXAMPLE_IMAGE.sub(rf"{registry}/\g<name>:{tag}", text)
    if EXAMPLE in text:
        stop(f"images would come from {EXAMPLE}, which is no registry: say REGISTRY=... TAG=..., as for `make images`")
    return text


def apply(text: str, dry_run: bool) -> None:
    """Show what would change and apply it, server-side, as a field manager of its own."""
    said = subprocess.run(
        [tool(), "diff", "--server-side", OWNER, "-f", "-"], input=text, text=True, capture_output=True
    )
    if said.returncode > CHANGED:
        stop(f"kubectl diff: {said.stderr.strip()}")
    if said.returncode != CHANGED:
        typer.echo("nothing to do")
        return
    if dry_run:
        typer.echo(said.stdout)
        return
    typer.echo(kubectl("apply", "--server-side", OWNER, "-f", "-", given=text))


def kubectl(*words: str, given: str | None = None) -> str:
    """What a kubectl command says; one that fails ends this, in its own words."""
    ran = subprocess.run([tool(), *words], input=given, text=True, capture_output=True)
    if ran.returncode:
        stop(f"kubectl {' '.join(words[:2])}: {ran.stderr.strip()}")
    return ran.stdout


def tool() -> str:
    """The environment's own kubectl."""
    return str(Path(sys.executable).with_name("kubectl"))


if __name__ == "__main__":
    app()

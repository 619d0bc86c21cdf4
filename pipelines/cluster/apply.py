"""Applies the platform to a cluster: `python -m pipelines.cluster.apply staging`, or `make deploy-platform`.

Renders an overlay, holds it to the manifests' rules, asks the cluster what would change, applies that alone, and says
what serves.
"""

import json
import re
import subprocess
from pathlib import Path
from typing import Annotated

import typer
import yaml

from pipelines.cluster import kubectl
from pipelines.cluster.kubectl import OWNER, run_kubectl
from pipelines.cluster.manifest_rules import find_faults, runbooks_address
from pipelines.cluster.names import EXAMPLE_REGISTRY, no_registry_message
from pipelines.cluster.owned_objects import ObjectName, delete_objects, find_leftovers, name_object
from pipelines.errors import stop

OVERLAYS = Path("manifests/overlays")
EXAMPLE_IMAGE = re.compile(rf"{re.escape(EXAMPLE_REGISTRY)}/broadfast/(?P<name>[a-z]+-python):0\.1\.0")
EXAMPLE_DOCS = "https://git.example.com"  # of components/monitoring/links.yaml
SETTINGS = ObjectName("ConfigMap", "broadfast-settings")
CHANGED = 1  # what `kubectl diff` ends with where something would change
NOTHING_SERVES = """nothing serves yet: release-control makes the InferenceServices, once there is a package. Next:
  make deploy-pipeline            # the nightly retraining, and the experiment every 15 minutes
then start the first night in the Kubeflow UI (Recurring Runs, broadfast-retrain, Clone) or wait for it. Its
baseline becomes stable, and release-control serves it. `make status` says how far it is."""
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def deploy(
    overlay: Annotated[str, typer.Argument(help="staging, production, kubeflow, or a folder of your own.")] = "staging",
    registry: Annotated[str, typer.Option(help="Where our images are.", envvar="BROADFAST_REGISTRY")] = "",
    tag: Annotated[str, typer.Option(help="Their tag: the git sha.", envvar="BROADFAST_IMAGE_TAG")] = "",
    dry_run: Annotated[bool, typer.Option(help="Say what would change, and change nothing.")] = False,
    prune: Annotated[
        bool, typer.Option("--prune", help="Delete what an earlier overlay applied and this one lacks.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before anything is deleted.")] = False,
) -> None:
    """Apply an overlay. Where the cluster is already so, nothing is done."""
    folder = find_overlay(overlay)
    text = name_images(run_kubectl("kustomize", str(folder)), registry, tag)
    objects = [manifest for manifest in yaml.safe_load_all(text) if manifest]
    if faults := find_faults(objects, is_production=folder.name == "production"):
        stop("\n".join([*faults, f"{len(faults)} faults in {folder}: nothing is applied"]))
    typer.echo(f"{folder}: {len(objects)} objects, 0 faults")
    if EXAMPLE_DOCS in runbooks_address(objects):
        typer.echo(f"alerts link to {EXAMPLE_DOCS}: give your own address (docs/operations/runbooks.md)")
    namespace = find_settings(objects, folder)["metadata"]["namespace"]
    ensure_namespace(objects, namespace, dry_run)
    apply(text, dry_run)
    report_leftovers(namespace, objects, prune and not dry_run, yes)
    print_services(namespace)


def find_overlay(overlay: str) -> Path:
    """Return the folder of an overlay, or stop where there is none to apply."""
    folder = Path(overlay) if Path(overlay).is_dir() else OVERLAYS / overlay
    if not folder.is_dir():
        names = ", ".join(sorted(path.name for path in OVERLAYS.iterdir()))
        stop(f"{overlay!r} is none of {names}, nor a folder")
    if folder.name == "production" and not (folder / "images").is_dir():
        stop("production's images are not pinned: run `make pin REGISTRY=... TAG=...` where the registry is reachable")
    return folder


def find_settings(objects: list[dict], folder: Path) -> dict:
    """Return an overlay's ConfigMap of settings, or stop where it has none in a namespace."""
    settings = next((manifest for manifest in objects if name_object(manifest) == SETTINGS), None)
    if settings is None or "namespace" not in settings["metadata"]:
        stop(f"{folder} makes no {SETTINGS} in a namespace: give `namespace`, and ../staging in `resources`")
    return settings


def name_images(text: str, registry: str, tag: str) -> str:
    """Name our images as they were pushed. Those with a digest stay as they are."""
    if registry and tag:
        text = EXAMPLE_IMAGE.sub(rf"{registry}/\g<name>:{tag}", text)
    if EXAMPLE_REGISTRY in text:
        stop(no_registry_message(EXAMPLE_REGISTRY))
    return text


def ensure_namespace(objects: list[dict], namespace: str, dry_run: bool) -> None:
    """Create a missing namespace alone, for a diff of objects in it would fail."""
    if run_kubectl("get", "namespace", namespace, "--ignore-not-found", "-o", "name"):
        return
    manifest = next((manifest for manifest in objects if manifest["kind"] == "Namespace"), None)
    if manifest is None:
        stop(f"namespace {namespace} is not there, and this overlay does not make it: create its Profile first")
    if dry_run:
        stop(f"namespace {namespace} is not there: everything would be created")
    run_kubectl("apply", "--server-side", OWNER, "-f", "-", stdin=yaml.safe_dump(manifest))
    typer.echo(f"namespace {namespace} created")


def apply(text: str, dry_run: bool) -> None:
    """Show what would change and apply it, server-side, as a field manager of its own."""
    command = [kubectl.kubectl_path(), "diff", "--server-side", OWNER, "-f", "-"]
    diff = subprocess.run(command, input=text, text=True, capture_output=True)
    if diff.returncode > CHANGED:
        stop(f"kubectl diff: {kubectl.own_words(diff.stderr)}")
    if diff.returncode != CHANGED:
        typer.echo("nothing to do")
        return
    if dry_run:
        typer.echo(diff.stdout)
        return
    typer.echo(run_kubectl("apply", "--server-side", OWNER, "-f", "-", stdin=text))


def report_leftovers(namespace: str, objects: list[dict], prune: bool, yes: bool) -> None:
    """Name what an earlier overlay left, and delete it where that is wanted."""
    leftovers = find_leftovers(namespace, objects)
    if not leftovers:
        return
    typer.echo(f"in namespace {namespace}, of an earlier overlay: {', '.join(map(str, leftovers))}")
    if not prune:
        typer.echo("they stay: PLATFORM=--prune deletes them")
        return
    if not yes and not typer.confirm(f"Delete these {len(leftovers)} objects? Claims of volumes stay"):
        stop("nothing is deleted")
    delete_objects(namespace, leftovers)
    typer.echo(f"{len(leftovers)} objects deleted")


def print_services(namespace: str) -> None:
    """Print what serves in a namespace."""
    services = json.loads(run_kubectl("get", "inferenceservices", "-n", namespace, "-o", "json"))["items"]
    for service in services:
        version = service["metadata"].get("labels", {}).get("broadfast/version", "?")
        typer.echo(f"{service['metadata']['name']} serves {version}")
    if not services:
        typer.echo(NOTHING_SERVES)


if __name__ == "__main__":
    app()

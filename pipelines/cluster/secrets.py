"""Makes the secrets that an overlay names: `python -m pipelines.cluster.secrets staging`, or `make secrets`.

Passwords and keys of our own servers are random; what is other people's is asked for, or taken from the environment's
variable of the same name. A secret that is there stays. No value stands on a command line or in a file of ours.
"""

import base64
import json
import os
from typing import Annotated

import typer
import yaml

from pipelines.cluster.apply import ensure_namespace, find_overlay, find_settings
from pipelines.cluster.kubectl import run_kubectl
from pipelines.cluster.secret_recipes import RECIPES, SecretContent, SecretPlan
from pipelines.errors import stop

EDGE_ROUTE = "relevance-edge"
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def make_secrets(
    overlay: Annotated[str, typer.Argument(help="demo, staging, production, kubeflow, or your own.")] = "staging",
    dry_run: Annotated[bool, typer.Option(help="Name what would be made, and make nothing.")] = False,
) -> None:
    """Make the secrets that an overlay's objects name and that are not there yet."""
    folder = find_overlay(overlay)
    text = run_kubectl("kustomize", str(folder))
    objects = [manifest for manifest in yaml.safe_load_all(text) if manifest]
    settings = find_settings(objects, folder)
    namespace = settings["metadata"]["namespace"]
    ensure_namespace(objects, namespace, dry_run)
    plan = SecretPlan(settings["data"], hostnames(objects), named_secrets(objects), read_stored(namespace))
    missing = [name for name in RECIPES if name in plan.names and name not in plan.values]
    for name in plan.names - RECIPES.keys() - plan.values.keys():
        typer.echo(f"{name}: there is no recipe for it; make it yourself", err=True)
    if not missing:
        typer.echo(f"all {len(plan.names)} secrets are in namespace {namespace}: nothing to do")
    for name in missing:
        if dry_run:
            typer.echo(f"{name}: would be made")
            continue
        try:
            content = RECIPES[name](plan, ask)
        except (OSError, RuntimeError, ValueError) as error:
            stop(f"{name} is not made: {error}")
        apply_secret(namespace, name, content)
        plan.values[name] = content.values
        typer.echo(f"{name}: {content.sentence}")


def named_secrets(objects: list[dict]) -> set[str]:
    """Return the names of all secrets without which objects do not start."""
    names = set()
    stack: list = list(objects)
    while stack:
        node = stack.pop()
        if isinstance(node, dict):
            names |= read_names(node)
            stack += node.values()
        elif isinstance(node, list):
            stack += node
    return names


def read_names(node: dict) -> set[str]:
    """Return the secrets that one node of a manifest names."""
    references = [node[key] for key in ("secretRef", "secretKeyRef") if isinstance(node.get(key), dict)]
    names = {reference["name"] for reference in references if not reference.get("optional")}
    if isinstance(node.get("secretName"), str):
        names.add(node["secretName"])
    if node.get("kind") == "ServiceAccount":
        names |= {entry["name"] for entry in node.get("secrets", [])}
    if "certificateRefs" in node:
        names |= {entry["name"] for entry in node["certificateRefs"]}
    names |= {"broadfast-s3"} if node.get("kind") == "ServingRuntime" else set()  # the pipelines' steps name it
    return names


def hostnames(objects: list[dict]) -> list[str]:
    """Return the hostnames of the edge's routes."""
    hosts = set()
    for manifest in objects:
        if manifest["kind"] == "HTTPRoute" and manifest["metadata"]["name"] == EDGE_ROUTE:
            hosts |= set(manifest["spec"]["hostnames"])
    return sorted(hosts)


def read_stored(namespace: str) -> dict[str, dict[str, str]]:
    """Return the values of the secrets that are there, by name."""
    answer = json.loads(run_kubectl("get", "secrets", "-n", namespace, "-o", "json") or '{"items": []}')
    return {item["metadata"]["name"]: decode(item.get("data") or {}) for item in answer["items"]}


def decode(data: dict[str, str]) -> dict[str, str]:
    """Return a secret's values as text."""
    return {key: base64.b64decode(value).decode(errors="replace") for key, value in data.items()}


def apply_secret(namespace: str, name: str, content: SecretContent) -> None:
    """Create a secret, whose content goes through a pipe."""
    metadata = {"name": name, "namespace": namespace, "labels": {"app.kubernetes.io/part-of": "broadfast"}}
    metadata |= {"annotations": content.annotations} if content.annotations else {}
    manifest = {"apiVersion": "v1", "kind": "Secret", "type": content.kind, "metadata": metadata}
    run_kubectl("create", "-f", "-", stdin=json.dumps(manifest | {"stringData": content.values}))


def ask(variable: str, question: str, default: str | None = None) -> str:
    """Return a value from the environment, or ask for it.

    One that has no default is not shown.

    Raises:
        ValueError: nothing answers, as where there is no terminal, and there is no default.
    """
    if os.environ.get(variable):
        return os.environ[variable]
    is_secret = default is None
    try:
        return typer.prompt(f"{question} ({variable})", default=default, hide_input=is_secret, show_default=False)
    except typer.Abort:
        if is_secret:
            raise ValueError(f"nothing answers: set {variable} in the environment ({question})") from None
        typer.echo()
        return default


if __name__ == "__main__":
    app()

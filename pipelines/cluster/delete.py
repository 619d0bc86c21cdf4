"""Deletes the platform from a cluster: `python -m pipelines.cluster.delete`, or `make delete-platform`.

It deletes what an overlay applied and what release-control made of it, and names what it keeps: data and secrets.
"""

from typing import Annotated

import typer

from pipelines.cluster.kubectl import list_objects, run_kubectl
from pipelines.cluster.owned_objects import SELECTOR, ObjectName, delete_objects, list_owned
from pipelines.errors import stop

CONTROL = "release-control"
SERVICES = "inferenceservices.serving.kserve.io"
KEPT = {"persistentvolumeclaims": "PersistentVolumeClaim", "secrets": "Secret"}
OUR_SECRETS = "broadfast-"
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def delete(
    namespace: Annotated[str, typer.Option(help="Where the platform is.", envvar="BROADFAST_NAMESPACE")] = "broadfast",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Delete the platform's objects. Data stays: claims, secrets, buckets, the namespace, Kubeflow's pipelines."""
    names = list_owned(namespace)
    services = [item["metadata"]["name"] for item in list_objects(SERVICES, namespace, SELECTOR)]
    if not names and not services:
        typer.echo(f"nothing of the platform is in namespace {namespace}: nothing to do")
        return
    for line in [*(f"InferenceService/{service}" for service in services), *names]:
        typer.echo(f"  {line}")
    if not yes and not typer.confirm(f"Delete these {len(names) + len(services)} objects in namespace {namespace}?"):
        stop("nothing is deleted")
    delete_release(namespace, services, names)
    delete_objects(namespace, names)
    typer.echo(f"{len(names) + len(services)} objects deleted. Kept, delete them yourself where you want them gone:")
    for line in describe_kept(namespace):
        typer.echo(f"  {line}")


def delete_release(namespace: str, services: list[str], names: list[ObjectName]) -> None:
    """Delete what serves, once nothing is there that would make it again."""
    if ObjectName("Deployment", CONTROL) in names:
        run_kubectl("delete", "deployments.apps", CONTROL, "-n", namespace, "--ignore-not-found", "--wait=true")
    for service in services:
        run_kubectl("delete", SERVICES, service, "-n", namespace, "--ignore-not-found")


def describe_kept(namespace: str) -> list[str]:
    """Return a line for each thing that stays, with what removes it."""
    lines = []
    for resource, kind in KEPT.items():
        for item in list_objects(resource, namespace):
            name = item["metadata"]["name"]
            if kind != "Secret" or name.startswith(OUR_SECRETS):
                lines.append(f"{kind}/{name}: kubectl delete {resource} {name} -n {namespace}")
    lines.append("the bucket, with judgements, packages, logs and the release's state: by your S3's own client")
    lines.append(f"namespace {namespace}: kubectl delete namespace {namespace}, with all that is in it")
    lines.append("the pipelines, their recurring runs and artifacts: in the Kubeflow UI")
    return lines


if __name__ == "__main__":
    app()

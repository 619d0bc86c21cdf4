"""Deploy both pipelines to a cluster: `compile` writes them, `deploy` uploads and schedules them."""

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from components.settings import Settings
from pipelines.cluster import preflight
from pipelines.cluster.cron import next_times
from pipelines.errors import stop

PROFILES = ("paper", "laptop", "smoke")
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, help=__doc__)
console = Console(highlight=False, soft_wrap=True)
Out = Annotated[Path, typer.Option(help="Folder to write to.")]
Profile = Annotated[str, typer.Option(help="The profile whose sizes are run: paper, laptop or smoke.")]
Version = Annotated[str, typer.Option(help="Name of this version: the git sha.", envvar="BROADFAST_IMAGE_TAG")]


@app.command("compile")
def compile_pipelines(out: Out = Path("build"), profile: Profile = "paper", version: Version = "") -> None:
    """Write `retrain` and `experiment` as Kubeflow's IR, and as Kubernetes objects for GitOps."""
    known(profile)
    from pipelines.cluster.compile import PIPELINES, ir, kubernetes_objects

    for pipeline in PIPELINES:
        paths = [ir(pipeline, profile, out)]
        paths += [kubernetes_objects(pipeline, profile, out, version)] if version else []
        for path in paths:
            console.print(f"{path}  ({path.stat().st_size:,} bytes)")


@app.command("deploy")
def deploy_pipelines(
    host: Annotated[
        str, typer.Option(help="Kubeflow Pipelines' address.", envvar="KFP_HOST")
    ] = "http://localhost:8888",
    namespace: Annotated[str, typer.Option(help="The profile's namespace, in which runs run.")] = Settings().namespace,
    profile: Profile = "paper",
    version: Version = "",
    cron: Annotated[str, typer.Option(help="When the night begins: six fields, seconds first.")] = "0 0 2 * * *",
    look_cron: Annotated[str, typer.Option(help="When the experiment is looked at.")] = "0 */15 * * * *",
    zone: Annotated[str, typer.Option(help="The server's zone (its CRON_SCHEDULE_TIMEZONE).")] = "UTC",
    source: Annotated[str, typer.Option(help="Where the judgements lie.")] = "",
    token_file: Annotated[
        Path | None, typer.Option(help="File of a service account's token.", envvar="KF_PIPELINES_SA_TOKEN_PATH")
    ] = None,
    cookie: Annotated[
        str, typer.Option(help="Session behind dex, as authservice_session=...", envvar="KFP_COOKIE", show_envvar=True)
    ] = "",
    out: Out = Path("build"),
) -> None:
    """Upload both pipelines and schedule them; what is there already stays. Runs never overlap, nor catch up."""
    known(profile)
    if not version:
        stop("no version: give --version, which names the images' tag too; `make deploy-pipeline` takes the git sha")
    try:
        crons = {"retrain": cron, "experiment": look_cron}
        times = {name: next_times(said, zone, datetime.now(UTC)) for name, said in crons.items()}
        address = preflight.Address(host, namespace, token_file.read_text().strip() if token_file else "", cookie)
        preflight.check(address)
        console.print(f"{host} lets us in")
        for name, did in uploaded(address, crons, (profile, version, source), out):
            console.print(f"broadfast-{name}: {did}")
    except (ValueError, OSError) as error:
        stop(str(error))
    for name, next_ones in times.items():
        console.print(
            f"broadfast-{name} runs next: {', '.join(f'{time:%a %d %b %H:%M:%S}' for time in next_ones)} {zone}"
        )


def uploaded(
    address: preflight.Address, crons: dict, run: tuple[str, str, str], out: Path
) -> Iterator[tuple[str, str]]:
    """Upload and schedule both pipelines (`run`: profile, version, source); what was done, as it is done."""
    from pipelines.cluster import kubeflow
    from pipelines.cluster.compile import PIPELINES, RUN_AS, arguments, ir

    (profile, version, source), client = run, kubeflow.connect(address)
    for pipeline in PIPELINES:
        package = partial(ir, pipeline, "paper", out)  # one version for every profile, which is a run's arguments
        name = f"broadfast-{pipeline.name}"
        parameters, account = arguments(pipeline, profile, source), RUN_AS[pipeline.name]
        wanted = kubeflow.Recurring(name, package, version, crons[pipeline.name], parameters, account)
        did = None
        for did in kubeflow.deploy(client, wanted, address.namespace):
            yield pipeline.name, did
        if did is None:
            yield pipeline.name, "nothing to do"


def known(profile: str) -> None:
    """Refuse a profile that there is not."""
    if profile not in PROFILES:
        raise typer.BadParameter(f"{profile!r} is none of {', '.join(PROFILES)}")


if __name__ == "__main__":
    app()

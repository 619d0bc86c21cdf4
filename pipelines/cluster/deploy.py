"""Deploy both pipelines to a cluster: `compile` writes them, `deploy` uploads and schedules them."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from components.settings import Settings
from pipelines.cluster.cron import next_times
from pipelines.cluster.kubeflow_api import KubeflowApi
from pipelines.cluster.names import (
    check_clicks,
    check_namespace,
    check_profile,
    check_registry,
    check_sources,
    check_version,
)
from pipelines.cluster.preflight import Address, check_access
from pipelines.cluster.run_plan import SERVICE_ACCOUNTS, compile_profile, run_arguments, version_name
from pipelines.cluster.schedule import Deployment, Schedule
from pipelines.errors import stop
from pipelines.profile import Profile
from pipelines.profiles import PROFILES, load_profile

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, help=__doc__)
console = Console(highlight=False, soft_wrap=True)
Out = Annotated[Path, typer.Option(help="Folder to write to.")]
PROFILE_HELP = f"The profile whose sizes are run: one of {', '.join(PROFILES)}, or a .json, .yaml or .toml file."
ProfileName = Annotated[str, typer.Option(help=PROFILE_HELP)]
MODEL_HELP = "Another {} than the profile's: package:, s3://, or a hub name that `make models` has mirrored."
BaseModel = Annotated[str, typer.Option(help=MODEL_HELP.format("language model"))]
Embedder = Annotated[str, typer.Option(help=MODEL_HELP.format("embedder of rationales"))]
Encoder = Annotated[str, typer.Option(help=MODEL_HELP.format("encoder of the student"))]
Host = Annotated[str, typer.Option(help="Kubeflow Pipelines' address.", envvar="KFP_HOST")]
Namespace = Annotated[
    str, typer.Option(help="The profile's namespace, in which runs run.", envvar="BROADFAST_NAMESPACE")
]
Source = Annotated[str, typer.Option(help="Where the judgements lie: a folder, or s3://BUCKET/FOLDER/FILE.parquet.")]
CLICKS_HELP = "Judgements from clicks: s3://BUCKET/FOLDER/FILE.parquet, or off. Empty: the profile's."
ClickJudgements = Annotated[str, typer.Option(help=CLICKS_HELP)]
Version = Annotated[str, typer.Option(help="Name of this version: the git sha.", envvar="BROADFAST_IMAGE_TAG")]


@dataclass(frozen=True)
class Wish:
    """What is to be deployed: sizes, version, schedules, and where the judgements lie."""

    profile: Profile
    version: str
    crons: dict[str, str]  # by pipeline
    source: str
    out: Path

    def schedule(self, pipeline: str) -> Schedule:
        """Return the schedule of one pipeline."""
        return Schedule(
            name=f"broadfast-{pipeline}",
            write_package=partial(write_ir, pipeline, compile_profile(self.profile), self.out),
            version=version_name(self.version, self.profile),
            cron=self.crons[pipeline],
            parameters=run_arguments(pipeline, self.profile, self.source),
            service_account=SERVICE_ACCOUNTS[pipeline],
            tags={"part-of": "broadfast", "git": self.version, "profile": self.profile.name},
        )


def choose_size(profile: str, base_model: str, embedder: str, encoder: str, click_judgements: str = "") -> Profile:
    """Return the profile with what the options change.

    Raises:
        ValueError: it is wrong, or has a name or a model that a cluster cannot take.
    """
    size = load_profile(profile).with_models(base_model, embedder, encoder)
    size = replace(size, click_judgements=click_judgements or size.click_judgements)
    check_profile(compile_profile(size).name)
    check_sources(size.models)
    check_clicks(size.click_judgements)
    return size


@app.command("compile")
def compile_pipelines(
    out: Out = Path("build"),
    profile: ProfileName = "paper",
    version: Version = "",
    base_model: BaseModel = "",
    embedder: Embedder = "",
    encoder: Encoder = "",
) -> None:
    """Write `retrain` and `experiment` as Kubeflow's IR, and as Kubernetes objects for GitOps."""
    try:
        size = choose_size(profile, base_model, embedder, encoder)
        check_registry(Settings().registry)
        if version:
            check_version(version)
    except ValueError as error:
        stop(str(error))
    from pipelines.cluster.compile import write_kubernetes_objects

    for pipeline in SERVICE_ACCOUNTS:
        paths = [write_ir(pipeline, size, out)]
        if version:
            paths.append(write_kubernetes_objects(pipeline, size, out, version_name(version, size)))
        for path in paths:
            console.print(f"{path}  ({path.stat().st_size:,} bytes)")


@app.command("deploy")
def deploy_pipelines(
    host: Host = "http://localhost:8888",
    namespace: Namespace = "broadfast",
    profile: ProfileName = "paper",
    version: Version = "",
    cron: Annotated[str, typer.Option(help="When the night begins: six fields, seconds first.")] = "0 0 2 * * *",
    look_cron: Annotated[str, typer.Option(help="When the experiment is looked at.")] = "0 */15 * * * *",
    zone: Annotated[str, typer.Option(help="The server's zone (its CRON_SCHEDULE_TIMEZONE).")] = "UTC",
    source: Source = "",
    click_judgements: ClickJudgements = "",
    base_model: BaseModel = "",
    embedder: Embedder = "",
    encoder: Encoder = "",
    token_file: Annotated[
        Path | None, typer.Option(help="File of a service account's token.", envvar="KF_PIPELINES_SA_TOKEN_PATH")
    ] = None,
    cookie: Annotated[
        str, typer.Option(help="Session behind dex, as authservice_session=...", envvar="KFP_COOKIE", show_envvar=True)
    ] = "",
    out: Out = Path("build"),
) -> None:
    """Upload both pipelines and schedule them.

    What is there already stays. Runs never overlap, nor catch up.
    """
    crons = {"retrain": cron, "experiment": look_cron}
    try:
        size = choose_size(profile, base_model, embedder, encoder, click_judgements)
        check_version(version)
        check_sources({"source": source} if source else {})
        check_namespace(namespace)
        check_registry(Settings().registry)
        times = {pipeline: next_times(text, zone, datetime.now(UTC)) for pipeline, text in crons.items()}
        token = read_token(token_file) if token_file else ""
        deploy_all(Address(host, namespace, token, cookie), Wish(size, version, crons, source, out))
    except (ValueError, OSError) as error:
        stop(str(error))
    for pipeline, next_ones in times.items():
        shown_times = ", ".join(f"{time:%a %d %b %H:%M:%S}" for time in next_ones)
        console.print(f"broadfast-{pipeline} runs next: {shown_times} {zone}")


def read_token(path: Path) -> str:
    """Read the token that a file holds.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is empty.
    """
    remedy = "kubectl create token ACCOUNT --audience pipelines.kubeflow.org > FILE makes one"
    try:
        token = path.read_text().strip()
    except OSError as error:
        raise OSError(f"--token-file {path} cannot be read ({error.strerror}); {remedy}") from error
    if not token:
        raise ValueError(f"--token-file {path} is empty; {remedy}")
    return token


def deploy_all(address: Address, wish: Wish) -> None:
    """Deploy both pipelines, and print what is done as it is done.

    Raises:
        OSError: the server does not answer or refuses.
    """
    kind = check_access(address)
    console.print(kind.describe(address))
    server = KubeflowApi(address, kind.namespace)
    for pipeline in SERVICE_ACCOUNTS:
        deployment = Deployment(server, wish.schedule(pipeline))
        for sentence in deployment.run():
            console.print(f"broadfast-{pipeline}: {sentence}")
        if not deployment.changes:
            console.print(f"broadfast-{pipeline}: nothing to do")
        if deployment.account_warning:
            console.print(f"broadfast-{pipeline}: {deployment.account_warning}")


def write_ir(pipeline: str, profile: Profile, out: Path) -> Path:
    """Compile a pipeline, importing kfp only now, for that takes seconds."""
    from pipelines.cluster import compile as compiler

    return compiler.write_ir(pipeline, profile, out)


if __name__ == "__main__":
    app()

"""Both pipelines for a cluster: `python -m pipelines.deploy --out build` writes KFP's intermediate representation."""

from pathlib import Path
from typing import Annotated

import typer
from kfp import compiler
from rich.console import Console

from pipelines.experiment import experiment
from pipelines.profiles import PROFILES
from pipelines.retrain import retrain

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def compile_pipelines(
    out: Annotated[Path, typer.Option(help="Folder to write to.")] = Path("build"),
    profile: Annotated[str, typer.Option(help="The profile whose sizes become the defaults.")] = "paper",
) -> None:
    """Compile `retrain` and `experiment` to YAML that Kubeflow Pipelines takes."""
    if profile not in PROFILES:
        raise typer.BadParameter(f"{profile!r} is none of {', '.join(PROFILES)}")
    out.mkdir(parents=True, exist_ok=True)
    arguments = {retrain: PROFILES[profile]().parameters, experiment: {"plan": PROFILES[profile]().plan.to_json()}}
    for pipeline, values in arguments.items():
        path = out / f"{pipeline.name}.yaml"
        compiler.Compiler().compile(pipeline, str(path), pipeline_parameters=values)
        Console().print(f"{path}  ({path.stat().st_size:,} bytes)", highlight=False)


if __name__ == "__main__":
    app()

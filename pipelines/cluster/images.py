"""The three images, built from this checkout: `python -m pipelines.cluster.images --help`, or `make images`.

An image that exists under its tag is not built again, for the tag names its source. Each gets an SBOM:
build/sbom/NAME.python.json (CycloneDX) and NAME.system.txt (Debian's packages).
"""

import shutil
import subprocess
from importlib.metadata import distributions
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from pipelines.cluster.names import check_registry
from pipelines.errors import stop

ENGINES = ("docker", "podman", "buildah")
IMAGES = {  # name: Dockerfile and target
    "serving-python": ("serving/Dockerfile", ""),
    "student-python": ("components/Dockerfile", "student"),
    "teacher-python": ("components/Dockerfile", "teacher"),
}
PACKAGES = "${Package} ${Version} ${Architecture}\\n"
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
console = Console(highlight=False, soft_wrap=True)


@app.command()
def build(
    registry: Annotated[str, typer.Option(help="Registry and prefix of the names.", envvar="BROADFAST_REGISTRY")],
    tag: Annotated[str, typer.Option(help="The git sha.", envvar="BROADFAST_IMAGE_TAG")],
    only: Annotated[str, typer.Option(help=f"One of {', '.join(IMAGES)}; all, where it is not given.")] = "",
    base: Annotated[str, typer.Option(help="Another base image, best by digest.")] = "",
    engine: Annotated[str, typer.Option(help="docker, podman or buildah; the first that is installed.")] = "",
    option: Annotated[list[str] | None, typer.Option(help="Handed to the engine's build, as --network=host.")] = None,
    push: Annotated[bool, typer.Option(help="Push each to the registry.")] = False,
    out: Annotated[Path, typer.Option(help="Folder of the SBOMs.")] = Path("build/sbom"),
) -> None:
    """Build the images, write their SBOMs, and push them where --push is given."""
    try:
        check_registry(registry)
    except ValueError as error:
        stop(str(error))
    if only and only not in IMAGES:
        raise typer.BadParameter(f"{only!r} is none of {', '.join(IMAGES)}", param_hint="--only")
    tool = engine or next((name for name in ENGINES if shutil.which(name)), "")
    if not tool or not shutil.which(tool):
        stop(f"no {engine or 'engine'} to build with: install docker, podman or buildah")
    for name in [only] if only else IMAGES:
        image = f"{registry}/{name}:{tag}"
        if image_exists(tool, image):
            console.print(f"{image}: is there, nothing to do")
        else:
            command = build_command(tool, image, name, base, option or [])
            console.print(f"{image}: {' '.join(command)}")
            run(command)
        if tool != "buildah":
            write_sbom(tool, image, name, out)
        if push:
            run([tool, "push", image])


def build_command(tool: str, image: str, name: str, base: str, options: list[str]) -> list[str]:
    """Return the command that builds one image."""
    dockerfile, target = IMAGES[name]
    command = [tool, "build", f"--file={dockerfile}", f"--tag={image}"]
    command += [f"--target={target}"] if target else []
    command += [f"--build-arg=BASE={base}"] if base else []
    return [*command, *options, "."]


def image_exists(tool: str, image: str) -> bool:
    """Return whether an image of this name is on this machine."""
    command = [tool, "inspect", "--type", "image", image] if tool == "buildah" else [tool, "image", "inspect", image]
    return subprocess.run(command, capture_output=True).returncode == 0


def write_sbom(tool: str, image: str, name: str, out: Path) -> None:
    """Write which Python and Debian packages an image holds."""
    out.mkdir(parents=True, exist_ok=True)
    create = subprocess.run([tool, "create", image, "true"], capture_output=True, text=True, check=True)
    container = create.stdout.strip()
    copy = out / f".{name}"
    try:
        shutil.rmtree(copy, ignore_errors=True)
        copy.mkdir()
        run([tool, "cp", f"{container}:/opt/venv", str(copy / "venv")])
        run([tool, "cp", f"{container}:/var/lib/dpkg", str(copy / "dpkg")])
        bill = out / f"{name}.python.json"
        requirements = copy / "requirements.txt"
        packages = list_packages(copy / "venv" / "lib" / "python3.11" / "site-packages")
        requirements.write_text("".join(f"{package}\n" for package in packages))
        run(["cyclonedx-py", "requirements", str(requirements), "--output-file", str(bill)])
        query = ["dpkg-query", f"--admindir={copy / 'dpkg'}", "--show", f"--showformat={PACKAGES}"]
        (out / f"{name}.system.txt").write_text(subprocess.run(query, capture_output=True, text=True).stdout)
        console.print(f"{image}: {bill}, {out / f'{name}.system.txt'}")
    finally:
        subprocess.run([tool, "rm", container], capture_output=True)
        shutil.rmtree(copy, ignore_errors=True)


def list_packages(folder: Path) -> list[str]:
    """Return name==version of every package that is installed in a folder."""
    packages = distributions(path=[str(folder)])
    return sorted(f"{package.metadata['Name']}=={package.version}" for package in packages)


def run(command: list[str]) -> None:
    """Run a command with its output shown, and stop where it fails."""
    if code := subprocess.run(command).returncode:
        stop(f"{' '.join(command[:3])} ... failed with {code}")


if __name__ == "__main__":
    app()

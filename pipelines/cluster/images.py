"""The three images, built from this checkout: `python -m pipelines.cluster.images --help`, or `make images`.

An image that is there under its tag is not built again, for the tag names its source. Beside each lies what is in it:
build/sbom/NAME.python.json (CycloneDX) and NAME.system.txt (Debian's packages).
"""

import shutil
import subprocess
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

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
    """Build images, say what is in them, and push them where that is asked."""
    if only and only not in IMAGES:
        raise typer.BadParameter(f"{only!r} is none of {', '.join(IMAGES)}", param_hint="--only")
    tool = engine or next((name for name in ENGINES if shutil.which(name)), "")
    if not tool or not shutil.which(tool):
        stop(f"no {engine or 'engine'} to build with: install docker, podman or buildah")
    for name in [only] if only else IMAGES:
        image = f"{registry}/{name}:{tag}"
        if not there(tool, image):
            command = built(tool, image, *IMAGES[name], base, option or [])
            console.print(f"{image}: {' '.join(command)}")
            run(command)
        else:
            console.print(f"{image}: is there, nothing to do")
        if tool != "buildah":
            told(tool, image, name, out)
        if push:
            run([tool, "push", image])


def built(tool: str, image: str, dockerfile: str, target: str, base: str, options: list[str]) -> list[str]:
    """The command that builds one image."""
    chosen = [f"--target={target}"] * bool(target) + [f"--build-arg=BASE={base}"] * bool(base)
    return [tool, "build", f"--file={dockerfile}", f"--tag={image}", *chosen, *options, "."]


def there(tool: str, image: str) -> bool:
    """Whether an image of this name is on this machine."""
    asked = [tool, "inspect", "--type", "image", image] if tool == "buildah" else [tool, "image", "inspect", image]
    return subprocess.run(asked, capture_output=True).returncode == 0


def told(tool: str, image: str, name: str, out: Path) -> None:
    """Write what is in an image: its Python packages by cyclonedx, which reads the image's folder, and Debian's."""
    out.mkdir(parents=True, exist_ok=True)
    made = subprocess.run([tool, "create", image, "true"], capture_output=True, text=True, check=True).stdout.strip()
    try:
        copied = out / f".{name}"
        shutil.rmtree(copied, ignore_errors=True)
        copied.mkdir()
        run([tool, "cp", f"{made}:/opt/venv", str(copied / "venv")])
        run([tool, "cp", f"{made}:/var/lib/dpkg", str(copied / "dpkg")])
        installed = copied / "venv" / "lib" / "python3.11" / "site-packages"
        bill = out / f"{name}.python.json"
        requirements = copied / "requirements.txt"
        requirements.write_text("".join(f"{said}\n" for said in distributions(installed)))
        run(["cyclonedx-py", "requirements", str(requirements), "--output-file", str(bill)])
        system = ["dpkg-query", f"--admindir={copied / 'dpkg'}", "--show", f"--showformat={PACKAGES}"]
        (out / f"{name}.system.txt").write_text(subprocess.run(system, capture_output=True, text=True).stdout)
        console.print(f"{image}: {bill}, {out / f'{name}.system.txt'}")
    finally:
        subprocess.run([tool, "rm", made], capture_output=True)
        shutil.rmtree(copied, ignore_errors=True)


def distributions(folder: Path) -> list[str]:
    """Name and version of everything that is installed in a folder of packages."""
    from importlib.metadata import distributions as found

    return sorted(f"{one.metadata['Name']}=={one.version}" for one in found(path=[str(folder)]))


def run(command: list[str]) -> None:
    """Run a command to its end, its output being ours; one that fails ends this, too."""
    if code := subprocess.run(command).returncode:
        stop(f"{' '.join(command[:3])} ... failed with {code}")


if __name__ == "__main__":
    app()

"""A relevance server on this machine: `python -m pipelines.local.demo`, or `make demo` and `make serve`.

`serve` takes the newest package of a run. `demo` does so too, and trains a small student where there is none.
"""

import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from components import package_manifest
from components.waiting import wait_until
from pipelines.local.home import HomeOfRuns
from pipelines.local.progress import PROGRESS, Steps
from pipelines.local.readiness import start_state
from pipelines.local.sources import generate_marketplace
from pipelines.profile import Marketplace

PACKAGES = Path("state", "packages")  # below a run's home: what its servers loaded
DEMO_PACKAGE = Path("state", "demo-package")
START_SECONDS = 120
MARKETPLACE = Marketplace(items=480, queries=90)
EXAMPLE = """curl -s localhost:{port}/v1/models/relevance:predict -H 'content-type: application/json' \\
  -d '{{"query": "trail running shoes", "instances": [{{"item_id": "i1", "title": "Salomon Speedcross 6"}}]}}'"""
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
console = Console(highlight=False, soft_wrap=True)
Port = Annotated[int, typer.Option(help="The server's port.")]


@app.command()
def serve(home: HomeOfRuns = Path("runs"), port: Port = 8080) -> None:
    """Serve the newest package of this machine's runs."""
    package = newest_package(home)
    if package is None:
        console.print(f"no package is in {home / PACKAGES}: make run leaves one, and make demo trains a small one")
        raise typer.Exit(1)
    run_server(package, port)


@app.command()
def demo(home: HomeOfRuns = Path("runs"), port: Port = 8080) -> None:
    """Serve the newest package, or a small student that is trained now, in two minutes."""
    package = newest_package(home) or train_demo_package(home)
    run_server(package, port)


def newest_package(home: Path) -> Path | None:
    """Return the folder of the newest whole package of a home, or None."""
    manifests = [
        *home.glob(f"{PACKAGES}/*/{package_manifest.NAME}"),
        *home.glob(f"{DEMO_PACKAGE}/{package_manifest.NAME}"),
    ]
    if not manifests:
        return None
    return max(manifests, key=lambda path: path.stat().st_mtime).parent


def train_demo_package(home: Path) -> Path:
    """Train a small late-interaction student on the embedded marketplace, without a teacher, and package it."""
    console.print("No run has left a package here: a small student is trained, in about two minutes on two cores.")
    judgements = generate_marketplace(MARKETPLACE, home / "state") / "judgements.parquet"
    command = [sys.executable, "-m", "pipelines.local.demo_student", str(judgements), str(home / DEMO_PACKAGE)]
    steps = Steps(console)
    steps.start("train student")
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        lines = list(show_progress(process.stdout, steps))
    steps.drop_line()
    if process.returncode:
        console.print(f"the student could not be trained: {lines[-1] if lines else 'no output'}", markup=False)
        raise typer.Exit(1)
    steps.finish({"headline": lines[-1]})
    return home / DEMO_PACKAGE


def show_progress(lines: Iterable[str], steps: Steps) -> Iterator[str]:
    """Show progress lines, and yield the others that say something."""
    for line in lines:
        if match := PROGRESS.search(line):
            steps.show_progress(int(match[1]), int(match[2]), match[3])
        elif line.strip():
            yield line.strip()


def run_server(package: Path, port: int) -> None:
    """Serve a package in the foreground until Ctrl-C, and print a request once it works."""
    url = f"http://127.0.0.1:{port}"
    console.print(f"starting a server of {package} on {url}")
    command = [sys.executable, "-m", "serving", f"--package={package}", "--text-only", "--no-record", f"--port={port}"]
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # SIGTERM ends the server as Ctrl-C does
    with subprocess.Popen(command) as server:
        try:
            if wait_until(lambda: start_state(server, f"{url}/v1/models/relevance"), bool, START_SECONDS) == "ready":
                console.print(f"\nserving at {url}; Ctrl-C ends it. In another terminal:\n")
                console.print(EXAMPLE.format(port=port), markup=False)
            code = server.wait()
        except KeyboardInterrupt:
            server.terminate()
            server.wait()
            code = 0
    raise typer.Exit(code)


if __name__ == "__main__":
    app()

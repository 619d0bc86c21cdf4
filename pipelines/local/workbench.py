"""The workbench on this machine: `make workbench`. What the last run left on S3 is served again beside the page.

The servers are those that the release's state names, so that an order given on the page moves real traffic.
"""

import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from components.release.drivers import release_from_settings
from components.release_store import read_state
from pipelines.local.home import HomeOfRuns
from pipelines.local.processes import Laptop
from pipelines.local.run import lock

LOGS = "workbench-logs"
PAUSE_S = 0.5
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
console = Console(highlight=False, soft_wrap=True)
Port = Annotated[int, typer.Option(help="The page's port.")]


@app.command()
def workbench(home: HomeOfRuns = Path("runs"), port: Port = 8070) -> None:
    """Compare, judge and promote what this machine's runs made, until Ctrl-C."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # SIGTERM ends it as Ctrl-C does
    try:
        features = newest_features(home)
        with lock(home):
            logs = home / LOGS
            logs.mkdir(exist_ok=True)
            with Laptop(home / "state", logs) as laptop:
                serve(laptop, features, port)
    except (ValueError, RuntimeError, OSError) as error:
        console.print(f"stopped: {error}", markup=False)
        raise typer.Exit(1) from error
    except KeyboardInterrupt:
        console.print("\nstopped by you; ratings and decisions are kept")


def newest_features(home: Path) -> Path:
    """Return the features of the newest night of a home.

    Raises:
        ValueError: no run has come so far.
    """
    folders = sorted(home.glob("state/kfp/retrain-*/build-features/features"))
    if not folders:
        raise ValueError(f"no finished run is in {home}: `make run` or `make smoke` leaves one; --home names another")
    return folders[-1]


def serve(laptop: Laptop, features: Path, port: int) -> None:
    """Serve the page and what it speaks to, as long as it runs.

    Raises:
        RuntimeError: the page ended by itself; its log says why.
    """
    url = f"http://127.0.0.1:{port}"
    laptop.start_s3()
    os.environ.update(laptop.environment)  # this process speaks to the same S3
    laptop.start_gateway(features)
    page = laptop.start("workbench", [sys.executable, "-m", "workbench", f"--port={port}"])
    laptop.wait_ready("workbench", f"{url}/static/style.css")
    console.print(f"workbench at {url}; Ctrl-C ends it. Servers are starting; logs are in {laptop.logs}")
    if read_state().intent:
        threading.Thread(target=finish_open_move, daemon=True).start()  # it waits for servers that this thread starts
    while page.poll() is None:
        try:
            laptop.reconcile(read_state(), laptop.fetch_package)
        except RuntimeError as error:  # a server that ended is started again, and the page stays
            console.print(f"{error}\nthe page stays, and it is tried again", markup=False)
        time.sleep(PAUSE_S)
    raise RuntimeError(f"the page ended by itself with {page.returncode}: see {laptop.logs / 'workbench.log'}")


def finish_open_move() -> None:
    """Finish a move that an earlier command left open, as release-control does on a cluster."""
    intent = read_state().intent
    try:
        release_from_settings().finish()
        console.print(f"finished what was left open: {intent.action} by {intent.by or 'a look'}", markup=False)
    except OSError as error:
        console.print(f"{intent.action} stays open: {error}", markup=False)


if __name__ == "__main__":
    app()

"""How long the workbench's list of 5,000 queries takes in a real Chromium: `python -m bench.workbench.page`.

From the request to the page with all its rows, of which those in sight are laid out. The first visit of a server reads
the night from S3, the second does not.
"""

import statistics
import sys
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench.figures import show, update_results
from bench.storage import laptop_with_storage
from testing.chromium import Chromium, find_chromium
from testing.compared_nights import many_pairs, write_night
from testing.servers import free_ports, process

QUERIES = 5000
ITEMS = 10
SERVERS = 5
LAID_OUT_AT = "document.body.offsetHeight && performance.now()"
ROWS = "document.querySelectorAll('tbody tr').length"
MEASURED_ON = "5,000 queries of 10 items in Chromium (the page)"


@dataclass(frozen=True)
class Visit:
    """What one visit took: until the page is laid out, and CPU of the server and the browser."""

    wall_ms: float
    cpu_ms: float


def measure_page(home: Path) -> dict:
    """Return the medians over servers of the first and the second visit, in ms.

    Raises:
        RuntimeError: there is no Chromium, or the page lists another number of queries.
    """
    if not find_chromium():
        raise RuntimeError("no chromium is installed: apt-get install chromium")
    logs = home / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    with laptop_with_storage(home / "page", logs):
        write_night(5, many_pairs(QUERIES, ITEMS))
        visits = [visit_twice() for _ in range(SERVERS)]
    figures = {}
    for name, visits_of_kind in zip(("queries_5000", "queries_5000_again"), zip(*visits, strict=True), strict=True):
        figures[f"{name}_ms"] = round(statistics.median(visit.wall_ms for visit in visits_of_kind))
        figures[f"{name}_cpu_ms"] = round(statistics.median(visit.cpu_ms for visit in visits_of_kind))
    return figures


def visit_twice() -> tuple[Visit, Visit]:
    """Visit a server that has just started, twice."""
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "workbench", f"--port={port}"]
    with process(command, f"{url}/static/style.css") as server, Chromium() as chromium:
        chromium.open(f"{url}/release")  # the browser is awake, and the night is not read yet
        pids = (server.pid, chromium.process.pid)
        return visit(chromium, f"{url}/queries", pids), visit(chromium, f"{url}/queries", pids)


def visit(chromium: Chromium, url: str, pids: tuple[int, ...]) -> Visit:
    """Visit the list of queries.

    Raises:
        RuntimeError: rows are missing.
    """
    before = cpu_seconds(pids)
    chromium.open(url)
    wall_ms = chromium.evaluate(LAID_OUT_AT)
    cpu_ms = 1000 * (cpu_seconds(pids) - before)
    rows = chromium.evaluate(ROWS)
    if rows != QUERIES:
        raise RuntimeError(f"{url} lists {rows} queries, not {QUERIES}")
    return Visit(wall_ms, cpu_ms)


def cpu_seconds(pids: tuple[int, ...]) -> float:
    """Return the CPU seconds that process trees have taken so far."""
    total = 0.0
    for pid in pids:
        parent = psutil.Process(pid)
        for each in (parent, *parent.children(recursive=True)):
            times = each.cpu_times()
            total += times.user + times.system
    return total


def main(arguments: list[str]) -> int:
    """Measure, and put the figures among the workbench's."""
    home = Path(*arguments) if arguments else Path("runs/bench/workbench")
    figures = measure_page(home)
    update_results("workbench", figures, MEASURED_ON)
    show("workbench", figures)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""What every measurement does with its figures: keep parts, write results, show them, name the machine."""

import json
import os
import platform
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

RESULTS = Path(__file__).parent / "results"


def once(path: Path, measure: Callable[[], dict]) -> dict:
    """Return what was measured before, or measure it now and keep it."""
    if not path.exists():
        path.write_text(json.dumps(measure()))
    return json.loads(path.read_text())


def write_results(name: str, figures: Mapping, measured_on: str, folder: Path = RESULTS) -> Path:
    """Write bench/results/NAME.json: one flat object of figures, with date, machine and what was measured.

    Pages that name a figure which is missing now fail their test: `make docs` says which.
    """
    flat = dict(flatten(figures))
    head = {"date": f"{datetime.now(UTC):%Y-%m-%d}", "machine": describe_machine(), "measured_on": measured_on}
    path = folder / f"{name}.json"
    path.write_text(json.dumps(head | flat, indent=1) + "\n")
    return path


def update_results(name: str, figures: Mapping, measured_on: str, folder: Path = RESULTS) -> Path:
    """Write figures into bench/results/NAME.json beside those that other measurements left there."""
    path = folder / f"{name}.json"
    results = json.loads(path.read_text()) if path.exists() else {}
    sources = [text for text in str(results.get("measured_on", "")).split("; ") if text and text not in measured_on]
    others = {key: value for key, value in results.items() if key not in ("date", "machine", "measured_on")}
    return write_results(name, others | dict(flatten(figures)), "; ".join([*sources, measured_on]), folder)


def flatten(figures: Mapping, prefix: str = "") -> Iterator[tuple[str, float | str]]:
    """Yield names and values; nested names are joined by underscores, lists are numbered from 1, None is left out."""
    for name, value in figures.items():
        key = f"{prefix}{name}"
        if isinstance(value, Mapping):
            yield from flatten(value, f"{key}_")
        elif isinstance(value, (list, tuple)):
            yield from flatten({str(number): entry for number, entry in enumerate(value, 1)}, f"{key}_")
        elif value is not None:
            yield key, value


def mean(values) -> float:
    """Return the mean of some numbers, rounded to four digits."""
    return round(float(np.mean(list(values))), 4)


def slug(title: str) -> str:
    """Return a step's title as part of a figure's name."""
    return re.sub(r"[^a-z0-9]+", "_", title.lower()).strip("_")


def describe_machine() -> str:
    """Return the processor, the number of cores and the load of this machine."""
    return f"{read_processor()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the end"


def read_processor() -> str:
    """Return the processor's name and its matrix units, or avx2, as far as the system tells."""
    cpuinfo = Path("/proc/cpuinfo")
    if not cpuinfo.exists():
        return platform.machine()
    lines = dict(line.split(":", 1) for line in cpuinfo.read_text().splitlines() if ":" in line)
    fields = {name.strip(): value.strip() for name, value in lines.items()}
    flags = fields.get("flags", "").split()
    units = [unit for unit in ("amx_bf16", "avx512_bf16", "avx512_vnni") if unit in flags]
    vectors = [unit for unit in ("avx2",) if unit in flags and "avx512f" not in flags]
    return " ".join([fields.get("model name", platform.machine()), *units, *vectors])


def show(title: str, figures: Mapping) -> None:
    """Print all figures as a table."""
    table = Table("figure", "value", title=title)
    for name, value in figures.items():
        table.add_row(name, str(value))
    Console().print(table)

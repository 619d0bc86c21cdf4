"""What every measurement does with its figures: round, keep, show, and say where they come from."""

import json
import os
import platform
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table


def once(path: Path, make) -> dict:
    """What was measured before, or is now."""
    if not path.exists():
        path.write_text(json.dumps(make()))
    return json.loads(path.read_text())


def mean(values) -> float:
    """Mean of some numbers, rounded to what is worth saying."""
    return round(float(np.mean(list(values))), 4)


def machine_of() -> str:
    """Where it was measured."""
    return f"{os.cpu_count()} cores, {platform.machine()}, load {os.getloadavg()[0]:.1f} at the end"


def show(title: str, figures: dict) -> None:
    """All figures as a table."""
    table = Table("figure", "value", title=title)
    for name, value in figures.items():
        table.add_row(name, str(value))
    Console().print(table)

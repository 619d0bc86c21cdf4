"""The power curve of a planned experiment, as a picture."""

from collections.abc import Callable
from pathlib import Path

import numpy as np


def draw_curve(power: Callable[[float], float], lift: float, users: int, folder: Path) -> Path:
    """Draw the power against lifts up to twice `lift`, and return the file."""
    from matplotlib.figure import Figure

    folder.mkdir(parents=True, exist_ok=True)
    lifts = np.linspace(0, 2 * lift, 25)
    figure = Figure(figsize=(6, 3.5), layout="constrained")
    axes = figure.subplots()
    axes.plot(100 * lifts, [100 * power(each) for each in lifts])
    axes.axvline(100 * lift, color="grey", linewidth=1)
    axes.set_xlabel(f"true lift of RPM in percent, {users:,} users at most")
    axes.set_ylabel("promoted, in percent")
    figure.savefig(folder / "power.svg")
    return folder / "power.svg"

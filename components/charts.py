"""Charts of pages: matplotlib to SVG as data URIs, one for a light page and one for a dark one."""

import base64
import io
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

SIZE = (3.9, 2.3)  # inches: two side by side on a desk, one on a phone
NOISY_POINTS = 24  # from here on a line is drawn as its moving mean over the faint values
BEYOND = 3  # how many times the last interval's reach is shown of earlier, wider ones


@dataclass(frozen=True)
class Palette:
    """The colours of one page: text, grid, and the two lines."""

    text: str
    grid: str
    candidate: str
    plain: str


LIGHT = Palette("#4a4a46", "#dcdbd5", "#1d62c4", "#c85f10")
DARK = Palette("#b9b8b0", "#3b3b38", "#74aaff", "#f0a050")


@dataclass(frozen=True)
class Line:
    """A named curve: which of the palette's colours it takes, and its finite points."""

    name: str
    colour: str
    points: tuple[tuple[float, float], ...]

    @classmethod
    def from_entries(cls, name: str, colour: str, entries: Sequence[dict], key: str, zeros: bool = True) -> "Line":
        """Read the points of `key` by step.

        Without `zeros`, a zero means that nothing was measured.
        """
        pairs = [(entry["step"], entry[key]) for entry in entries if "step" in entry and key in entry]
        return cls(name, colour, tuple((x, y) for x, y in pairs if math.isfinite(y) and (zeros or y)))

    @property
    def words(self) -> str:
        """Describe where the line begins and ends, for readers who do not see the chart."""
        return f"{self.name}: {self.points[0][1]:.3g} to {self.points[-1][1]:.3g}"


def line_chart(curves: Sequence[Line], zero: bool = False) -> dict | None:
    """Return a line chart by step, or None where no line has points."""
    curves = tuple(line for line in curves if line.points)
    return draw_lines(curves, zero) if curves else None


@lru_cache(maxsize=16)  # a run's page is written again and again, with the same curves of what has ended
def draw_lines(curves: tuple[Line, ...], zero: bool) -> dict:
    """Return a line chart by step."""

    def draw(axes: Axes, palette: Palette) -> None:
        for line in curves:
            x, y = np.array(line.points, float).T
            colour = palette.__dict__[line.colour]
            if len(y) > NOISY_POINTS:
                axes.plot(x, y, color=colour, linewidth=0.8, alpha=0.35)
                y = moving_mean(y, len(y) // 8)
            dashes = "-" if line.colour == "candidate" else "--"  # what lies on top of another lets it be seen
            marker = "o" if len(y) <= NOISY_POINTS else None
            axes.plot(x, y, dashes, color=colour, linewidth=1.8, marker=marker, markersize=3, label=line.name)
        if zero:
            axes.axhline(0, color=palette.text, linewidth=0.8)
        axes.set_xlabel("step")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        if len(curves) > 1:
            position = {"loc": "lower left", "bbox_to_anchor": (0, 1)}
            axes.legend(frameon=False, labelcolor=palette.text, ncols=len(curves), **position)

    return draw_for_both_pages(draw) | {"words": "; ".join(line.words for line in curves)}


def moving_mean(values: np.ndarray, width: int) -> np.ndarray:
    """Return the mean of the values within half a width on either side."""
    half = max(1, width // 2)
    sums = np.r_[0.0, np.cumsum(values)]
    at = np.arange(len(values))
    first = np.maximum(at - half, 0)
    last = np.minimum(at + half + 1, len(values))
    return (sums[last] - sums[first]) / (last - first)


def interval_chart(over_time: Sequence[dict | None]) -> dict | None:
    """Return the relative lifts with their intervals at each point of the time, or None."""
    points = []
    for index, cut in enumerate(over_time):
        if cut and cut.get("difference_type") != "absolute":
            points.append((100 * (index + 1) / len(over_time), cut))
    if not points:
        return None
    x = [at for at, _ in points]
    low = [cut["low"] for _, cut in points]
    estimate = [cut["estimate"] for _, cut in points]
    high = [cut["high"] for _, cut in points]
    reach = BEYOND * max(abs(low[-1]), abs(high[-1]), 1e-6)
    cut_off = max(map(abs, low + high)) > reach

    def draw(axes: Axes, palette: Palette) -> None:
        axes.fill_between(x, low, high, color=palette.candidate, alpha=0.2, linewidth=0)
        axes.vlines(x, low, high, color=palette.candidate, linewidth=1)
        axes.plot(x, estimate, color=palette.candidate, linewidth=1.8, marker="o", markersize=4)
        axes.axhline(0, color=palette.text, linewidth=0.8)
        if cut_off:
            axes.set_ylim(-reach, reach)
        axes.set_xlabel("% of the time since this share was set")
        axes.yaxis.set_major_formatter(PercentFormatter(1.0))

    words = f"lift {estimate[-1]:+.1%}, interval {low[-1]:+.1%} to {high[-1]:+.1%} at the end"
    return draw_for_both_pages(draw) | {"words": words, "cut_off": cut_off}


def draw_for_both_pages(draw: Callable[[Axes, Palette], None]) -> dict[str, str]:
    """Return one chart as two data URIs, `light` and `dark`."""
    return {"light": data_uri(draw, LIGHT), "dark": data_uri(draw, DARK)}


def data_uri(draw: Callable[[Axes, Palette], None], palette: Palette) -> str:
    """Return the chart as an SVG in a data URI, its letters as paths."""
    with rc_context({"font.size": 9, "svg.hashsalt": "report", "text.color": palette.text}):
        figure = Figure(figsize=SIZE, layout="constrained")
        axes = figure.subplots()
        draw(axes, palette)
        axes.grid(axis="y", color=palette.grid, linewidth=0.7)
        axes.set_axisbelow(True)
        axes.tick_params(colors=palette.text, length=0)
        axes.xaxis.label.set_color(palette.text)
        axes.spines[:].set_visible(False)
        buffer = io.BytesIO()
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    return "data:image/svg+xml;base64," + base64.b64encode(buffer.getvalue()).decode()

"""Render the figures of bench/results into README and docs: `python -m bench.render_docs`, or `make docs`.

A page holds a template in a comment, and behind the comment what it renders to:

    <!-- figures: student
    | best peer | {best_peer_cpu_ms:.0f} |
    -->
    | best peer | 326 |
    <!-- end -->

`{name:.3f}` is a figure of bench/results/student.json; `{name:+.3fci}` is the same with its interval, from name_low and
name_high.
"""

import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "bench" / "results"
BLOCK = re.compile(
    r"<!-- figures: (?P<name>[\w-]+)\n(?P<template>.*?)\n-->\n(?P<rendered>.*?)\n?<!-- end -->", re.DOTALL
)


class Estimate(float):
    """A figure that prints its interval where the format ends in `ci`."""

    low: float
    high: float

    def __format__(self, spec: str) -> str:
        if not spec.endswith("ci"):
            return super().__format__(spec)
        spec = spec.removesuffix("ci")
        return f"{super().__format__(spec)} ({self.low:{spec}} to {self.high:{spec}})"


def load_figures(path: Path) -> dict:
    """Return the figures of a results file, with an Estimate for each that has an interval."""
    figures = json.loads(path.read_text())
    estimates = {}
    for name in figures:
        if f"{name}_low" in figures and f"{name}_high" in figures:
            estimates[name] = Estimate(figures[name])
            estimates[name].low = figures[f"{name}_low"]
            estimates[name].high = figures[f"{name}_high"]
    return figures | estimates


def render_template(template: str, figures: Mapping, page: str) -> str:
    """Fill a template with figures.

    Raises:
        ValueError: the template names a figure that the results file lacks.
    """
    try:
        return template.format_map(figures)
    except KeyError as error:
        raise ValueError(f"{page} names the figure {error}, which its results file lacks") from None


def render_page(text: str, page: str, results: Path = RESULTS) -> str:
    """Return the page with every block rendered anew.

    Raises:
        ValueError: a block names a results file or a figure that does not exist.
    """

    def render_block(match: re.Match) -> str:
        path = results / f"{match['name']}.json"
        if not path.exists():
            raise ValueError(f"{page} names bench/results/{match['name']}.json, which does not exist")
        rendered = render_template(match["template"], load_figures(path), page)
        return f"<!-- figures: {match['name']}\n{match['template']}\n-->\n{rendered}\n<!-- end -->"

    return BLOCK.sub(render_block, text)


def list_pages(root: Path = ROOT) -> list[Path]:
    """List README and all pages below docs."""
    return [root / "README.md", *sorted((root / "docs").rglob("*.md"))]


def main() -> int:
    """Render every page in its place, and name those that changed."""
    for page in list_pages():
        before = page.read_text()
        after = render_page(before, page.name)
        if after != before:
            page.write_text(after)
            print(f"rendered {page.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Measure what relevance engineers use: `python -m bench.workbench.measure --help`."""

from pathlib import Path
from typing import Annotated

import typer

from bench.esci import esci_option
from bench.figures import once, show, update_results
from bench.interleaving.world import build_market, load_world
from bench.workbench.clicks import measure_clicks
from bench.workbench.few_labels import measure_few_labels
from bench.workbench.formats import measure_formats, measure_ubi
from bench.workbench.oracle_python import build_environment
from bench.workbench.page import MEASURED_ON, measure_page
from bench.workbench.rankings import compare_measures

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def bench(
    esci: Annotated[Path, esci_option(", ESCI's judgements.")],
    home: Annotated[Path, typer.Option(help="Where parts are kept: the same command goes on there.")] = Path(
        "runs/bench/workbench"
    ),
    ubi_schemas: Annotated[
        Path | None, typer.Option(help="schema/1.3.0 of github.com/o19s/ubi.", envvar="BROADFAST_UBI_SCHEMAS")
    ] = None,
) -> None:
    """Measure rankings, formats, clicks, few labels, and the page of 5,000 queries.

    About five minutes on one core.
    """
    home.mkdir(parents=True, exist_ok=True)
    python = build_environment(home / "oracles")
    figures = once(home / "rankings.json", lambda: compare_measures(python, esci, home))
    market = build_market(load_world(home / "world"))
    figures |= once(home / "formats.json", lambda: measure_formats(esci, home / "formats"))
    figures |= once(home / "clicks.json", lambda: measure_clicks(market, home / "logs"))
    if ubi_schemas:
        figures |= once(home / "ubi.json", lambda: measure_ubi(home / "logs", ubi_schemas))
    figures |= once(home / "few_labels.json", lambda: measure_few_labels(python, esci))
    figures |= once(home / "page.json", lambda: measure_page(home))
    measured_on = "ESCI's pairs (rankings, few labels); the embedded marketplace and its simulated shoppers (clicks)"
    measured_on += f"; {MEASURED_ON}"
    update_results("workbench", figures, measured_on)
    show("workbench", figures)


if __name__ == "__main__":
    app()

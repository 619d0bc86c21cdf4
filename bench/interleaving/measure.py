"""Measure interleaved comparisons: `python -m bench.interleaving.measure --help`.

What has been measured is kept below runs/bench/interleaving: the same command goes on where it was.
"""

from pathlib import Path
from typing import Annotated

import typer

from bench.figures import once, show, write_results
from bench.interleaving.direction import sign_agreement
from bench.interleaving.faults import measure_faults
from bench.interleaving.page_cost import measure_page_cost
from bench.interleaving.power import users_needed
from bench.interleaving.real_run import measure_worse_candidate
from bench.interleaving.release_step import measure_release_steps
from bench.interleaving.streams import STREAMS, false_rates
from bench.interleaving.weighed import second_opinion_rates
from bench.interleaving.world import build_market, load_world

HERE = Path("runs/bench/interleaving")

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def bench(
    streams: Annotated[int, typer.Option(help="Comparisons without a preference, of each kind.")] = STREAMS,
) -> None:
    """Measure false preferences, the users that a preference needs, its direction, and what a page costs.

    About 15 minutes on one core. All rules and seeds are in the code.
    """
    HERE.mkdir(parents=True, exist_ok=True)
    world = load_world(HERE / "world")
    market = build_market(world)
    figures = once(HERE / "direction.json", lambda: sign_agreement(market))
    figures = merge(figures, once(HERE / "power.json", lambda: users_needed(market)))
    figures = merge(figures, once(HERE / f"streams-{streams}.json", lambda: false_rates(market, streams)))
    figures |= once(HERE / "weighed.json", lambda: second_opinion_rates(market))
    steps = HERE / "steps"
    figures = merge(figures, once(HERE / "steps.json", lambda: measure_release_steps(world, market, steps)))
    worse_candidate = once(
        HERE / "worse_candidate.json", lambda: measure_worse_candidate(world, market, HERE / "world")
    )
    figures |= {"worse_candidate": worse_candidate}
    figures |= {"faults": once(HERE / "faults.json", lambda: measure_faults(HERE / "world"))}
    (HERE / "serving").mkdir(exist_ok=True)
    figures |= once(HERE / "page_cost.json", lambda: measure_page_cost(HERE / "serving"))
    figures |= {
        "users_ratio": figures["medium"]["ratio_rpm"],  # the A/B test of a release decides on RPM
        "users_ratio_rpm": figures["medium"]["ratio_rpm"],
        "users_ratio_clicks": figures["medium"]["ratio_clicks"],
    }
    measured_on = f"the embedded marketplace, {len(market.labels)} held-out queries, its own simulated shoppers"
    write_results("interleaving", figures, measured_on)
    show("interleaving", figures)


def merge(figures: dict, others: dict) -> dict:
    """Return both parts' figures; those of one setting are put together."""
    both = {name: figures[name] | value for name, value in others.items() if isinstance(figures.get(name), dict)}
    return figures | others | both


if __name__ == "__main__":
    app()

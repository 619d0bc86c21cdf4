"""Measure what an interleaved page costs, beside figures that stay: `python -m bench.interleaving.pages`.

The first run builds its fixtures: a student that encodes items ahead, with a fitted head, and a night's features.
"""

import json

from bench.figures import RESULTS, show, write_results
from bench.interleaving.measure import HERE
from bench.interleaving.page_cost import measure_page_cost

HEAD = ("date", "machine", "measured_on")  # which the writer adds


def main() -> None:
    """Measure, and put the figures beside those that were measured before."""
    folder = HERE / "serving"
    folder.mkdir(parents=True, exist_ok=True)
    pages = measure_page_cost(folder)
    (HERE / "page_cost.json").write_text(json.dumps(pages))
    before = json.loads((RESULTS / "interleaving.json").read_text())
    figures = {name: value for name, value in before.items() if name not in HEAD}
    write_results("interleaving", figures | pages, before["measured_on"])
    show("pages", pages)


if __name__ == "__main__":
    main()

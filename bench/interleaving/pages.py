"""Measure what an interleaved page costs, beside figures that stay: `python -m bench.interleaving.pages`.

The first run builds its fixtures: a student that encodes items ahead, with a fitted head, and a night's features.
"""

import json

from bench.figures import RESULTS, show, update_results
from bench.interleaving.measure import HERE
from bench.interleaving.page_cost import measure_page_cost


def main() -> None:
    """Measure, and put the figures beside those that were measured before."""
    folder = HERE / "serving"
    folder.mkdir(parents=True, exist_ok=True)
    pages = measure_page_cost(folder)
    (HERE / "page_cost.json").write_text(json.dumps(pages))
    before = json.loads((RESULTS / "interleaving.json").read_text())
    update_results("interleaving", pages, before["measured_on"])
    show("pages", pages)


if __name__ == "__main__":
    main()

"""The items that a server has read ahead, and what Prometheus is told of them."""

import logging
import sys
from collections.abc import Iterator

from prometheus_client import REGISTRY
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from components.scoring.item_index import ItemIndex, open_index

logger = logging.getLogger(__name__)


class IndexMetrics:
    """Shows the size, hits and misses of an index at each scrape."""

    def __init__(self, index: ItemIndex, version: str):
        self.index = index
        self.version = version

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics as they are now."""
        families = (
            (GaugeMetricFamily, "broadfast_item_index_items", "Items that were read ahead", len(self.index)),
            (CounterMetricFamily, "broadfast_item_index_hits", "Items taken from the index", self.index.hits),
            (CounterMetricFamily, "broadfast_item_index_misses", "Items that the index lacks", self.index.misses),
        )
        for family, name, help_text, value in families:
            metric = family(name, help_text, labels=["version"])
            metric.add_metric([self.version], value)
            yield metric


def open_item_index(folder: str, package: str, version: str) -> ItemIndex:
    """Map a package's items in a folder, and show how many there are.

    Where there are none, or a file is damaged, the log has the reason and the remedy: items are then read at requests,
    and a server that answers later is worth more than none.
    """
    try:
        index = open_index(folder, package)
        print(f"{len(index):,} items were read ahead, below {folder}", file=sys.stderr, flush=True)
    except (ValueError, OSError) as error:
        logger.warning("No item is read ahead, and each one is at its first request: %s", error)
        index = ItemIndex()
    REGISTRY.register(IndexMetrics(index, version))
    return index

"""The items that a server has read ahead, and what Prometheus is told of them."""

import logging
import sys

from prometheus_client import REGISTRY
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from components.scoring.item_index import ItemIndex, open_index
from serving.scraped_metrics import Figure, ScrapedMetrics

logger = logging.getLogger(__name__)


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
    REGISTRY.register(ScrapedMetrics(version, lambda: index_figures(index)))
    return index


def index_figures(index: ItemIndex) -> list[Figure]:
    """Return size, hits and misses."""
    return [
        (GaugeMetricFamily, "broadfast_item_index_items", "Items that were read ahead", len(index)),
        (CounterMetricFamily, "broadfast_item_index_hits", "Items taken from the index", index.hits),
        (CounterMetricFamily, "broadfast_item_index_misses", "Items that the index lacks", index.misses),
    ]

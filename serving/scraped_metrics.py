"""Metrics of what counts by itself, read at each scrape of Prometheus."""

from collections.abc import Callable, Iterable, Iterator

from prometheus_client import REGISTRY
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from components.scoring.query_cache import QueryCache
from components.scoring.runtime import LateInteractionRuntime, Runtime

Figure = tuple[type[CounterMetricFamily | GaugeMetricFamily], str, str, float]  # kind, name, help, value


class ScrapedMetrics:
    """Figures of one version, as they are at a scrape."""

    def __init__(self, version: str, read: Callable[[], Iterable[Figure]]):
        self.version = version
        self.read = read

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics as they are now."""
        for family, name, help_text, value in self.read():
            metric = family(name, help_text, labels=["version"])
            metric.add_metric([self.version], value)
            yield metric


def show_queries(runtime: Runtime, version: str) -> None:
    """Show the queries that a server remembers, if its student reads them apart from items."""
    if isinstance(runtime, LateInteractionRuntime):
        REGISTRY.register(ScrapedMetrics(version, lambda: query_figures(runtime.queries)))


def query_figures(queries: QueryCache) -> list[Figure]:
    """Return size, hits and misses."""
    return [
        (GaugeMetricFamily, "broadfast_query_cache_bytes", "Memory of the queries that are remembered", queries.bytes),
        (CounterMetricFamily, "broadfast_query_cache_hits", "Queries that were not read again", queries.hits),
        (CounterMetricFamily, "broadfast_query_cache_misses", "Queries that were read", queries.misses),
    ]

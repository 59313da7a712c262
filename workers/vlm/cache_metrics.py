"""What a model keeps of earlier questions, as a worker's metrics."""

from collections.abc import Iterable, Mapping
from typing import Protocol, runtime_checkable

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector


class Counted(Protocol):
    """One cache. ``hits`` and ``misses`` only grow."""

    hits: int
    misses: int
    held_bytes: int


@runtime_checkable
class Remembering(Protocol):
    """A model that keeps something from question to question, by kind."""

    @property
    def caches(self) -> Mapping[str, Counted]:
        """Its counts may be read from any thread."""


class CacheCollector(Collector):
    """Reads ``caches`` whenever the metrics are asked for."""

    def __init__(self, caches: Mapping[str, Counted]) -> None:
        self._caches = caches

    def collect(self) -> Iterable[Metric]:
        """Hits, misses and bytes by cache."""
        hits = CounterMetricFamily("justlens_worker_cache_hits", "What was kept and asked for again", labels=["cache"])
        misses = CounterMetricFamily("justlens_worker_cache_misses", "What had to be computed", labels=["cache"])
        held = GaugeMetricFamily("justlens_worker_cache_bytes", "Device memory that is held", labels=["cache"])
        for name, cache in self._caches.items():
            hits.add_metric([name], cache.hits)
            misses.add_metric([name], cache.misses)
            held.add_metric([name], cache.held_bytes)
        return hits, misses, held


def show_caches(model: object, registry: CollectorRegistry) -> None:
    """Add the caches of ``model`` to ``registry`` if it has any."""
    if isinstance(model, Remembering):
        registry.register(CacheCollector(model.caches))

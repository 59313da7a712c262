"""What a model keeps of earlier questions, on Triton's own page of metrics. Imported inside tritonserver only."""

import triton_python_backend_utils as pb_utils

from workers.vlm.cache_metrics import Remembering


class CacheMetrics:
    """``justlens_vlm_cache_hits``, ``…_misses`` and ``…_bytes`` by model, version and cache."""

    def __init__(self, model: Remembering, name: str, version: str) -> None:
        """``name`` and ``version`` are those of the model in the server."""
        self._model = model
        counter, gauge = pb_utils.MetricFamily.COUNTER, pb_utils.MetricFamily.GAUGE
        # A family lives as long as the object that stands for it.
        self._families = {
            kind: pb_utils.MetricFamily(name=f"justlens_vlm_cache_{kind}", description=said, kind=how)
            for kind, said, how in (
                ("hits", "What was kept and asked for again", counter),
                ("misses", "What had to be computed", counter),
                ("bytes", "Device memory that is held", gauge),
            )
        }
        self._metrics = {
            (kind, cache): family.Metric(labels={"model": name, "version": version, "cache": cache})
            for kind, family in self._families.items()
            for cache in model.caches
        }

    def update(self) -> None:
        """Show the counts as they are now."""
        for name, cache in self._model.caches.items():
            for kind, count in (("hits", cache.hits), ("misses", cache.misses)):
                metric = self._metrics[kind, name]
                metric.increment(count - metric.value())  # the server's counters can only be added to
            self._metrics["bytes", name].set(cache.held_bytes)

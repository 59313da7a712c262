"""What a worker counts. Every process has a registry of its own."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_SECONDS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0)
_SIZES = (1, 2, 4, 8, 16, 32, 64)


class Metrics:
    """The worker's metrics, all under ``justlens_worker_``."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "justlens_worker_requests", "Answers by status and reason code", ("status", "code"), registry=self.registry
        )
        self.in_flight = Gauge("justlens_worker_in_flight", "Requests admitted, not answered", registry=self.registry)
        self.queue_length = Gauge("justlens_worker_queue_length", "Items waiting for a batch", registry=self.registry)
        self.batch_size = Histogram(
            "justlens_worker_batch_size", "Items per batch", buckets=_SIZES, registry=self.registry
        )
        self.phase_seconds = Histogram(
            "justlens_worker_phase_seconds", "Time by phase", ("phase",), buckets=_SECONDS, registry=self.registry
        )
        self.decoder_restarts = Counter(
            "justlens_worker_decoder_restarts", "Decoder processes that had to be replaced", registry=self.registry
        )

    def observe_batch(self, size: int, seconds: float) -> None:
        """One batch of ``size`` items went through the model in ``seconds``."""
        self.batch_size.observe(size)
        self.phase_seconds.labels("batch").observe(seconds)

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Measure what happens inside, however it ends."""
        began = time.monotonic()
        try:
            yield
        finally:
            self.phase_seconds.labels(name).observe(time.monotonic() - began)

    def text(self) -> bytes:
        """All of it in Prometheus' text format."""
        return generate_latest(self.registry)

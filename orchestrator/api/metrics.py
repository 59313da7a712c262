"""The API's metrics, in a registry of its own.

justlens_api_requests_total{route,method,status}  requests answered; route is the template, "unmatched" for none
justlens_api_request_seconds{route}               time to the end of the answer, a histogram
justlens_api_degraded_total{part}                 relevancy answers that had to do without a part

Beside each there is one with ``_created`` in place of its last word: when it began (Unix s).
"""

from prometheus_client import CollectorRegistry, Counter, Histogram

_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 1, 3, 10)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class ApiMetrics:
    """Counts what the API does."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        names = ["route", "method", "status"]
        self._requests = Counter("justlens_api_requests", "Requests answered", names, registry=self.registry)
        self._seconds = Histogram(
            "justlens_api_request_seconds", "Time of a request", ["route"], buckets=_BUCKETS_S, registry=self.registry
        )
        self._degraded = Counter("justlens_api_degraded", "Answers without a part", ["part"], registry=self.registry)

    def answered(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count one request. A method nobody knows is "other": a client must not be able to make up series."""
        self._requests.labels(route, method if method in _METHODS else "other", str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def degraded(self, part: str) -> None:
        """Count an answer that had to do without ``part``."""
        self._degraded.labels(part).inc()

"""What the system says about itself: structured logs, metrics with documented names, trace context.

justlens_jobs_total{queue,outcome}         deliveries by outcome: done, retried, dead, routed, identity_assigned,
                                           duplicate, deferred, released
justlens_retries_total{queue,reason}       failed attempts by reason code
justlens_dead_letters_total{queue,reason}  jobs put into an error queue by this process, by reason code
justlens_job_seconds{queue}                delivery to settled, a histogram
justlens_jobs_in_progress{queue}           deliveries in hand
justlens_consumers{queue}                  consumers attached to the broker
justlens_waiting{queue,dependency}         deliveries waiting for something of ours that is away
justlens_worker_state{pool,endpoint,state} 1 for the state a worker is in
justlens_worker_in_flight{pool,endpoint}   calls in flight to a worker
justlens_loop_lag_seconds                  how late the event loop last ran a timer

Beside each counter and histogram there is one with ``_created`` in place of its last word: when it began (Unix s).
"""

import logging
import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO, cast

import structlog
from opentelemetry import trace
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.context_managers import InprogressTracker
from prometheus_client.metrics_core import GaugeMetricFamily
from prometheus_client.registry import Collector
from structlog.contextvars import bound_contextvars, merge_contextvars
from structlog.typing import EventDict, Processor

from orchestrator.domain.errors import ConfigurationError, Reason
from orchestrator.domain.headers import TRACEPARENT
from orchestrator.domain.jobs import Job

_USERINFO = re.compile(r"(?<=://)[^/\s]+@")
_PROPAGATOR = TraceContextTextMapPropagator()
_TRACER = trace.get_tracer("justlens")  # finds the tracing SDK when one is installed later, too
_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900)


class Metrics:
    """The metrics of one process, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._jobs = Counter("justlens_jobs", "Deliveries by outcome", ["queue", "outcome"], registry=self.registry)
        self._retries = Counter("justlens_retries", "Failed attempts", ["queue", "reason"], registry=self.registry)
        self._dead = Counter("justlens_dead_letters", "Dead letters", ["queue", "reason"], registry=self.registry)
        self._seconds = Histogram(
            "justlens_job_seconds", "Delivery to settled", ["queue"], buckets=_BUCKETS_S, registry=self.registry
        )
        self._in_progress = Gauge("justlens_jobs_in_progress", "In hand", ["queue"], registry=self.registry)
        self._consumers = Gauge("justlens_consumers", "Consumers attached", ["queue"], registry=self.registry)
        self._waiting = Gauge("justlens_waiting", "Waiting", ["queue", "dependency"], registry=self.registry)
        self.loop_lag_s = Gauge("justlens_loop_lag_seconds", "Lateness of a timer", registry=self.registry)

    def watch_workers(self, pools: Mapping[str, Any]) -> None:
        """Report the state of every worker in ``pools`` whenever the metrics are read."""
        self.registry.register(_WorkerCollector(pools))

    def settled(self, queue: str, outcome: str, reason: Reason | None, seconds: float) -> None:
        """Count one delivery by its outcome."""
        self._jobs.labels(queue, outcome).inc()
        self._seconds.labels(queue).observe(seconds)
        counter = {"retried": self._retries, "dead": self._dead}.get(outcome)
        if counter is not None and reason is not None:
            counter.labels(queue, reason.code).inc()

    def in_progress(self, queue: str) -> InprogressTracker:
        """Count a delivery in hand while the context lasts."""
        return self._in_progress.labels(queue).track_inprogress()

    def attached(self, queue: str) -> InprogressTracker:
        """Count an attached consumer while the context lasts."""
        return self._consumers.labels(queue).track_inprogress()

    def waiting(self, queue: str, dependency: str) -> InprogressTracker:
        """Count a delivery that waits for ``dependency`` while the context lasts."""
        return self._waiting.labels(queue, dependency).track_inprogress()


class _WorkerCollector(Collector):
    def __init__(self, pools: Mapping[str, Any]) -> None:
        self._pools = pools

    def collect(self) -> Iterator[GaugeMetricFamily]:
        state = GaugeMetricFamily("justlens_worker_state", "1 for its state", labels=["pool", "endpoint", "state"])
        flight = GaugeMetricFamily("justlens_worker_in_flight", "Calls in flight", labels=["pool", "endpoint"])
        for name, pool in self._pools.items():
            for endpoint in pool.state():
                state.add_metric([name, endpoint.url, endpoint.state], 1)
                flight.add_metric([name, endpoint.url], endpoint.in_flight)
        yield from (state, flight)


@contextmanager
def job_context(queue: str, job: Job | None, traceparent: str | None) -> Iterator[str]:
    """Logs and spans of one delivery. Yields the traceparent that everything it sends must carry.

    Without a tracing SDK the trace a publisher began is carried on, and one is begun for a job that has none, so that
    the log lines of a job can always be found by one trace id.
    """
    context = _PROPAGATOR.extract({TRACEPARENT: traceparent or new_traceparent()})
    span = _TRACER.start_span(f"process {queue}", context=context, kind=trace.SpanKind.CONSUMER)
    with trace.use_span(span, end_on_exit=True):
        current = _traceparent(span.get_span_context())
        image = f"{job.business_id}/{job.image_id}" if job else None
        with bound_contextvars(queue=queue, job=job.job_id if job else None, image=image, trace=current[3:35]):
            yield current


def continue_trace(traceparent: str | None) -> str:
    """Return ``traceparent`` if a caller can have written it, else a fresh one."""
    context = _PROPAGATOR.extract({TRACEPARENT: traceparent or ""})
    return _traceparent(trace.get_current_span(context).get_span_context())


def _traceparent(span: trace.SpanContext) -> str:
    if not span.is_valid:
        return new_traceparent()
    return f"00-{span.trace_id:032x}-{span.span_id:016x}-{span.trace_flags:02x}"


def new_traceparent() -> str:
    """A fresh W3C traceparent (version 00, sampled)."""
    return f"00-{os.urandom(16).hex()}-{os.urandom(8).hex()}-01"


def scrub(text: str, secrets: Sequence[str]) -> str:
    """``text`` without the secrets and without user information in URLs."""
    for secret in secrets:
        text = text.replace(secret, "***")
    return _USERINFO.sub("***@", text) if "://" in text else text


def _scrubber(secrets: Sequence[str]) -> Processor:
    def process(_logger: Any, _name: str, event: EventDict) -> EventDict:
        return {key: _scrubbed(value, secrets) for key, value in event.items()}

    return process


def _scrubbed(value: Any, secrets: Sequence[str]) -> Any:
    match value:
        case str():
            return scrub(value, secrets)
        case None | bool() | int() | float():
            return value
        case Mapping():
            return {scrub(str(key), secrets): _scrubbed(item, secrets) for key, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_scrubbed(item, secrets) for item in value]
        case _:
            return scrub(repr(value), secrets)


def _opened(file: Path) -> TextIO:
    try:
        # For this user alone: a log names images and businesses.
        return open(file, "a", buffering=1, encoding="utf-8", opener=lambda path, flags: os.open(path, flags, 0o600))
    except OSError as error:
        problem = f"JUSTLENS_LOG_FILE: {file} cannot be written ({error.strerror}); name another file, or unset it"
        raise ConfigurationError([problem]) from error


class _Stream:
    """A stream of logs. A line that cannot be written (disk full, reader gone) is lost; the job it is about is not."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        with suppress(OSError, ValueError):
            self._stream.write(text)

    def flush(self) -> None:
        with suppress(OSError, ValueError):
            self._stream.flush()


def is_pretty(style: str, file: Path | None = None) -> bool:
    """Whether logs of this ``style`` are lines for people: ``auto`` is on a terminal, and JSON anywhere else."""
    return style == "pretty" or (style == "auto" and file is None and sys.stderr.isatty())


_TOLD_ALREADY = ("aio_pika", "aiormq")
"""Drivers whose errors reach the caller as well, who tells them once and in plain words."""


def configure_logging(level: str, style: str, secrets: Sequence[str], file: Path | None = None) -> None:
    """Logs to ``file``, else stderr: JSON lines, or coloured ones on a terminal. Drivers' own logs from warning up.

    Raises ConfigurationError for a file that cannot be written.
    """
    stream = sys.stderr if file is None else _opened(file)
    pretty = is_pretty(style, file)
    threshold = getattr(logging, level.upper())
    shared: list[Processor] = [
        merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    text: list[Processor] = [
        structlog.processors.format_exc_info,
        _scrubber(sorted(filter(None, secrets), key=len, reverse=True)),
    ]
    console = structlog.dev.ConsoleRenderer(colors=stream.isatty())
    render: Processor = console if pretty else structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[*shared, *text, render],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.WriteLoggerFactory(file=cast(TextIO, _Stream(stream))),
        cache_logger_on_first_use=False,
    )
    drop_meta = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    formatter = structlog.stdlib.ProcessorFormatter(processors=[drop_meta, *text, render], foreign_pre_chain=shared)
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    logging.basicConfig(handlers=[handler], level=max(threshold, logging.WARNING), force=True)
    for driver in _TOLD_ALREADY:
        logging.getLogger(driver).setLevel(logging.CRITICAL if threshold > logging.DEBUG else logging.NOTSET)

"""HTTP sessions, and what a failed exchange means. Everything that speaks HTTP here goes through this module."""

from email.utils import parsedate_to_datetime
from typing import Literal, NamedTuple

import aiohttp
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from orchestrator import __version__

USER_AGENT = f"JustLens/{__version__}"
TRANSPORT_ERRORS = (aiohttp.ClientError, OSError)
_PROPAGATOR = TraceContextTextMapPropagator()
KEEPALIVE_S = 30.0
"""How long an idle connection is kept. Well below aiohttp's server default, so that the server does not close first."""


class Fault(NamedTuple):
    """Why an exchange failed: ``unreachable`` (nothing was sent), ``timeout``, or ``died`` (cut off on the way)."""

    kind: Literal["unreachable", "timeout", "died"]
    detail: str


def open_session(
    connector: aiohttp.TCPConnector | None = None, *, max_header_bytes: int = 8190
) -> aiohttp.ClientSession:
    """A session without cookies, proxies from the environment, or decompression. Its maker closes it.

    The connector has no limit of its own by default: whoever calls limits the calls in flight, and a second, hidden
    queue would only add waiting that nobody sees. Must be called on the event loop.
    """
    return aiohttp.ClientSession(
        connector=connector or aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEPALIVE_S),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"User-Agent": USER_AGENT},
        auto_decompress=False,
        max_field_size=max_header_bytes,
        trust_env=False,
    )


def fault_of(error: BaseException) -> Fault:
    """What one of TRANSPORT_ERRORS says about the exchange.

    ``detail`` names the kind of error and the system's words for it, never aiohttp's: those may quote a whole URL.
    """
    detail = type(error).__name__
    if isinstance(error, aiohttp.ClientResponseError):  # raised by the parser alone
        detail = "the answer is no valid HTTP"
    if isinstance(error, OSError) and error.strerror:
        detail = f"{detail}: {error.strerror}"
    if isinstance(error, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError):
        return Fault("unreachable", detail)
    return Fault("timeout" if isinstance(error, TimeoutError) else "died", detail)


def traced(headers: dict[str, str]) -> dict[str, str]:
    """``headers`` with the W3C trace context of the running span, if there is one. Changes and returns ``headers``."""
    _PROPAGATOR.inject(headers)
    return headers


def retry_after_s(header: str | None, *, default_s: float, cap_s: float = 60.0, date: str | None = None) -> float:
    """The seconds a Retry-After header asks for, between 0 and ``cap_s``; ``default_s`` when it cannot be read.

    Its other form, a date, is read against ``date``, the answer's own Date header, because it is of that clock.
    """
    try:
        asked_s = float(header) if header else default_s
    except ValueError:
        asked_s = _seconds_between(date, header or "", default_s)
    return min(asked_s, cap_s) if asked_s >= 0 else default_s


def _seconds_between(date: str | None, later: str, default_s: float) -> float:
    try:
        return (parsedate_to_datetime(later) - parsedate_to_datetime(date or "")).total_seconds()
    except (TypeError, ValueError):
        return default_s

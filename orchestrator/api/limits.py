"""How much a client may ask for: requests in a window of time, and bytes of a body."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from fastapi import Request

from orchestrator.api.problems import Problem


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is left to a client: ``remaining`` of ``limit`` requests until ``reset_s`` from now, then all again."""

    granted: bool
    limit: int
    window_s: float
    remaining: int
    reset_s: int

    def headers(self) -> dict[str, str]:
        """As the RateLimit header fields of the IETF draft (draft-ietf-httpapi-ratelimit-headers-09)."""
        return {
            "RateLimit-Policy": f'"default";q={self.limit};w={math.ceil(self.window_s)}',
            "RateLimit": f'"default";r={self.remaining};t={self.reset_s}',
        }


class RateLimiter:
    """Counts requests per name in fixed windows. Names are those of keys, so there are few."""

    def __init__(self, limit: int, window_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = limit
        self._window_s = window_s
        self._clock = clock
        self._windows: dict[str, tuple[float, int]] = {}

    def take(self, name: str) -> Allowance:
        """Count one request of ``name``, unless it has none left."""
        now = self._clock()
        began, used = self._windows.get(name, (now, 0))
        if now - began >= self._window_s:
            began, used = now, 0
        granted = used < self._limit
        used += granted
        self._windows[name] = (began, used)
        reset_s = max(1, math.ceil(began + self._window_s - now))
        return Allowance(granted, self._limit, self._window_s, self._limit - used, reset_s)


async def read_json_body(request: Request, max_bytes: int) -> bytes:
    """The body of a request that says it is JSON. Raises Problem: not_json, body_too_large.

    A body that announces its size is refused before it is read, any other as soon as it is over the limit.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise Problem("not_json", "Send the body as JSON, with 'Content-Type: application/json'.")
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length) > max_bytes:
        raise _too_large(max_bytes)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > max_bytes:
            raise _too_large(max_bytes)
    return bytes(body)


def _too_large(max_bytes: int) -> Problem:
    # What is left of the body is not read, so the connection cannot carry another request.
    return Problem("body_too_large", f"At most {max_bytes} bytes are taken.", headers={"Connection": "close"})

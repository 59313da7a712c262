"""Wakes the broker when the next delayed message is due."""

import asyncio
import time
from collections.abc import Awaitable, Callable


def now_ms() -> int:
    """Unix time in milliseconds: due times outlive the process."""
    return time.time_ns() // 1_000_000


class Alarm:
    """Calls ``ring`` at the earliest time that was asked for, once; ``ring`` sets it again."""

    def __init__(self, ring: Callable[[], Awaitable[None]]) -> None:
        self._ring = ring
        self._timer: asyncio.TimerHandle | None = None
        self._ringing: set[asyncio.Future[None]] = set()

    def set(self, due_at_ms: int) -> None:
        """Ring at ``due_at_ms`` (Unix ms) or before."""
        loop = asyncio.get_running_loop()
        delay_s = max(0.0, (due_at_ms - now_ms()) / 1000)
        if self._timer is None or loop.time() + delay_s < self._timer.when():
            self._unset()
            self._timer = loop.call_later(delay_s, self._fire)

    async def cancel(self) -> None:
        """Ring no more, and return when the last ring is over."""
        self._unset()
        await asyncio.gather(*self._ringing)
        self._unset()

    def _unset(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None

    def _fire(self) -> None:
        self._timer = None
        ringing = asyncio.ensure_future(self._ring())
        self._ringing.add(ringing)
        ringing.add_done_callback(self._ringing.discard)

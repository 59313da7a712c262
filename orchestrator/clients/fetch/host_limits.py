"""How hard one image host is asked: downloads at once, downloads a second, and the time it asked for itself.

A job that would have to wait longer than a moment is deferred rather than kept in hand: its consumer is needed for the
jobs of other hosts. The moment itself is what keeps a backlog of one host from going round the queue at full speed.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from orchestrator.domain.errors import JobDeferred

WAIT_S = 0.5
"""How long a download waits for its turn in place."""
MOMENT_S = 0.1
"""How long a job is kept in hand that is deferred for a reason known before it waits."""
BUSY_DELAY_S = 1.0


@dataclass(slots=True)
class _Host:
    turns: asyncio.Semaphore
    in_progress: int = 0
    next_at: float = 0.0
    paused_until: float = 0.0
    timer: asyncio.TimerHandle | None = None


class HostLimits:
    """Turns for downloads, by host and port. 0 for a limit means none."""

    def __init__(self, parallel: int, per_second: float) -> None:
        self._parallel = parallel
        self._interval_s = 1 / per_second if per_second else 0.0
        self._hosts: dict[str, _Host] = {}

    @asynccontextmanager
    async def turn(self, host: str) -> AsyncIterator[None]:
        """Hold a turn for one download from ``host``. Raises JobDeferred when there is none within a moment."""
        state = self._hosts.setdefault(host, _Host(asyncio.Semaphore(self._parallel or 1_000_000)))
        state.in_progress += 1
        try:
            await self._wait_for_turn(host, state)
            try:
                yield
            finally:
                state.turns.release()
        finally:
            state.in_progress -= 1
            self._forget_at_rest(host, state)

    def pause(self, host: str, seconds: float) -> None:
        """Leave ``host`` alone for so long, because it asked for that."""
        state = self._hosts.get(host)
        if state is not None:
            state.paused_until = max(state.paused_until, self._now() + seconds)

    async def _wait_for_turn(self, host: str, state: _Host) -> None:
        if state.paused_until > self._now():
            await asyncio.sleep(MOMENT_S)
        self._refuse_paused(host, state)
        try:
            async with asyncio.timeout(WAIT_S):
                await state.turns.acquire()
        except TimeoutError:
            text = f"{self._parallel} downloads from {host} are in progress (JUSTLENS_FETCH_HOST_PARALLEL)"
            raise JobDeferred("source_busy", text, BUSY_DELAY_S) from None
        try:
            self._refuse_paused(host, state)
            await self._wait_for_rate(host, state)
        except BaseException:
            state.turns.release()
            raise

    def _refuse_paused(self, host: str, state: _Host) -> None:
        left_s = state.paused_until - self._now()
        if left_s > 0:
            raise JobDeferred("source_busy", f"{host} asked to be left alone for {left_s:.0f} s more", left_s)

    async def _wait_for_rate(self, host: str, state: _Host) -> None:
        now = self._now()
        at = max(now, state.next_at)
        if at - now > WAIT_S:
            await asyncio.sleep(MOMENT_S)
            text = f"{1 / self._interval_s:g} downloads a second from {host} are begun (JUSTLENS_FETCH_HOST_PER_SECOND)"
            raise JobDeferred("source_busy", text, at - now)
        state.next_at = at + self._interval_s
        if at > now:
            await asyncio.sleep(at - now)

    def _forget_at_rest(self, host: str, state: _Host) -> None:
        """Drop what is known of ``host`` once nobody needs it: at once, or when its pause and its interval are over."""
        if state.in_progress or state.timer is not None or self._hosts.get(host) is not state:
            return
        left_s = max(state.next_at, state.paused_until) - self._now()
        if left_s <= 0:
            del self._hosts[host]
        else:
            state.timer = asyncio.get_running_loop().call_later(left_s, self._wake, host, state)

    def _wake(self, host: str, state: _Host) -> None:
        state.timer = None
        self._forget_at_rest(host, state)

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()

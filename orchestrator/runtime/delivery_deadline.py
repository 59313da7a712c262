"""How long a delivery may be worked on and waited for: until the process drains, or the broker's ack timeout nears."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AbstractContextManager, asynccontextmanager, nullcontext
from typing import ParamSpec, TypeVar

import structlog

from orchestrator.domain.errors import JustLensError, Unavailable
from orchestrator.domain.retrying import backoff_s

P = ParamSpec("P")
T = TypeVar("T")

log = structlog.get_logger(__name__)

ACK_TIMEOUT_SHARE = 0.8


def being_cancelled() -> bool:
    """Whether the current task is told to end. A CancelledError without that is a library's own, not a shutdown."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


class DeadlineReached(JustLensError):
    """The delivery must be released now; ``cause`` says what it was waiting for."""

    def __init__(self, cause: str) -> None:
        super().__init__(cause)
        self.cause = cause


class Drain:
    """One process's leaving, in two steps: ``request`` (take nothing new, wait for nothing), then ``expire`` (stop)."""

    def __init__(self) -> None:
        self.requested = asyncio.Event()
        self.expired = False
        self._limits: set[asyncio.Timeout] = set()

    def request(self) -> None:
        """Finish what is running; whoever waits for a dependency stops waiting."""
        self.requested.set()

    def expire(self) -> None:
        """Stop what is still running; it is released."""
        self.requested.set()
        self.expired = True
        now = asyncio.get_running_loop().time()
        for limit in self._limits:
            if not limit.expired():
                limit.reschedule(now)

    @asynccontextmanager
    async def limit(self, until: float) -> AsyncIterator[asyncio.Timeout]:
        """A time limit that ``expire`` brings forward. ``until`` is loop time."""
        async with asyncio.timeout_at(0 if self.expired else until) as limit:
            self._limits.add(limit)
            try:
                yield limit
            finally:
                self._limits.discard(limit)


def _unobserved(_dependency: str) -> AbstractContextManager[None]:
    return nullcontext()


class DeliveryDeadline:
    """The patience for one delivery. ``waiting(dependency)`` is entered for as long as it waits."""

    def __init__(
        self, drain: Drain, ack_timeout_s: float, waiting: Callable[[str], AbstractContextManager[None]] = _unobserved
    ) -> None:
        self._drain = drain
        self._waiting = waiting
        self._loop = asyncio.get_running_loop()
        self._until = self._loop.time() + ACK_TIMEOUT_SHARE * ack_timeout_s

    @property
    def over(self) -> bool:
        """Whether the delivery must be released now."""
        return self._drain.expired or self._loop.time() >= self._until

    def limit(self, seconds: float) -> AbstractAsyncContextManager[asyncio.Timeout]:
        """A context that ends what runs in it after ``seconds``, or earlier when patience is over."""
        return self._drain.limit(min(self._loop.time() + seconds, self._until))

    async def pause(self, tries: int, away: Unavailable) -> None:
        """Wait before the next try in place. Raises DeadlineReached when the process is leaving or time is up."""
        if tries == 0:
            log.warning("waiting", dependency=away.dependency, detail=str(away))
        delay_s = max(backoff_s(tries), min(away.retry_after_s or 0, 15))
        left_s = self._until - self._loop.time()
        if not self._drain.requested.is_set():
            try:
                with self._waiting(away.dependency):
                    async with asyncio.timeout(max(0, min(delay_s, left_s))):
                        await self._drain.requested.wait()
            except TimeoutError:
                if left_s > delay_s:
                    return
        raise DeadlineReached(str(away))

    async def retry_while_unavailable(self, step: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        """The result of ``step``, tried again in place for as long as it raises Unavailable."""
        tries = 0
        while True:
            try:
                return await step(*args, **kwargs)
            except Unavailable as away:
                await self.pause(tries, away)
                tries += 1

"""Looks at the endpoints of a pool again and again: at readiness, and who they are."""

import asyncio
import random

import aiohttp
import structlog

from orchestrator.clients.workers.concurrency import Permits

EAGER_POLL_S = 0.25
"""How often a pool looks while it has no usable endpoint: jobs are waiting for the first one."""
log = structlog.get_logger(__name__)


class Looking:
    """Looks at the endpoints of ``permits``, and hands out those that have become usable."""

    def __init__(
        self, pool: str, service: str, permits: Permits, session: aiohttp.ClientSession, poll_interval_s: float
    ) -> None:
        self._pool = pool
        self._service = service
        self._permits = permits
        self._session = session
        self._poll_interval_s = poll_interval_s
        self._now = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Look at every endpoint once, then keep looking until ``close()``."""
        await self._look()
        self._task = asyncio.create_task(self._keep_looking(), name=f"poll-{self._pool}")

    async def close(self) -> None:
        """Stop looking."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    def look_now(self) -> None:
        """Do not wait for the next time."""
        self._now.set()

    @property
    def interval_s(self) -> float:
        """The seconds between two looks, as things are."""
        some_in_use = any(endpoint.in_use for endpoint in self._permits.endpoints)
        return self._poll_interval_s if some_in_use else min(EAGER_POLL_S, self._poll_interval_s)

    async def _keep_looking(self) -> None:
        while True:
            try:
                async with asyncio.timeout(self.interval_s * random.uniform(0.8, 1.2)):
                    await self._now.wait()
            except TimeoutError:
                pass
            await self._look()

    async def _look(self) -> None:
        self._now.clear()
        looks = (e.look(self._session, self._service) for e in self._permits.endpoints)
        # With exceptions as results none of them can take the place of a cancellation.
        for result in await asyncio.gather(*looks, return_exceptions=True):
            if isinstance(result, BaseException):
                log.error("looking at worker endpoints failed", pool=self._pool, exc_info=result)
        self._permits.hand_out()

"""Start, watch, drain: the life of one orchestrator process's consumers."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from orchestrator.domain.errors import JustLensError
from orchestrator.runtime.consume import Consumer
from orchestrator.runtime.engine import BoundQueue, Engine

log = structlog.get_logger(__name__)

WATCH_EVERY_S = 3.0
HAND_BACK_S = 5.0
LAG_SAMPLE_S = 0.1


@dataclass(frozen=True, slots=True)
class QueueHealth:
    """How many consumers of a queue there should be, are attached, and are at work."""

    queue: str
    wanted: int
    attached: int
    busy: int


class Consumers:
    """All consumers of a process."""

    def __init__(self, queues: Sequence[BoundQueue], engine: Engine) -> None:
        self._engine = engine
        self._members = [Consumer(queue, n, engine) for queue in queues for n in range(1, queue.consumers + 1)]
        self._tasks: list[asyncio.Task[None]] = []
        self._side: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to consume."""
        self._tasks = [asyncio.create_task(member.run(), name=member.name) for member in self._members]
        self._side = [
            asyncio.create_task(self._watch(), name="watchdog"),
            asyncio.create_task(self._measure_lag(), name="loop-lag"),
        ]

    async def drain(self, drain_s: float) -> bool:
        """Take nothing new, finish within ``drain_s`` seconds, release what is left.

        Returns whether everything was settled. What was not is unacked, and the broker delivers it again.
        """
        log.info("draining", in_progress=sum(m.busy for m in self._members), drain_s=drain_s)
        self._engine.drain.request()
        await asyncio.gather(*(member.stop() for member in self._members), return_exceptions=True)
        _, late = await asyncio.wait(self._tasks, timeout=drain_s)
        self._engine.drain.expire()
        if late:
            _, late = await asyncio.wait(late, timeout=HAND_BACK_S)
        for task in (*late, *self._side):
            task.cancel()
        await asyncio.gather(*self._tasks, *self._side, return_exceptions=True)
        log.info("drained", unsettled=len(late))
        return not late

    def health(self) -> list[QueueHealth]:
        """One line per queue."""
        queues = dict.fromkeys(member.queue.name for member in self._members)
        return [
            QueueHealth(queue, len(mine), sum(m.attached for m in mine), sum(m.busy for m in mine))
            for queue in queues
            for mine in [[m for m in self._members if m.queue.name == queue]]
        ]

    async def _watch(self) -> None:
        """Ask the broker whether it sees our consumers; detach those of a queue where it sees fewer, twice running."""
        suspects: set[str] = set()
        while not self._engine.drain.requested.is_set():
            await asyncio.sleep(WATCH_EVERY_S)
            suspects = {h.queue for h in self.health() if await self._is_short(h, again=h.queue in suspects)}

    async def _is_short(self, health: QueueHealth, *, again: bool) -> bool:
        try:
            seen = (await self._engine.broker.depth(health.queue)).consumers
        except JustLensError as away:
            log.debug("watchdog_blind", queue=health.queue, detail=str(away))
            return False
        except Exception:
            log.exception("watchdog_blind", queue=health.queue)
            return False
        short = seen < min(health.attached, self._attached(health.queue))
        if short and again:
            log.error("consumers_lost", queue=health.queue, attached=health.attached, seen=seen)
            idle = [m for m in self._members if m.queue.name == health.queue and m.attached and not m.busy]
            await asyncio.gather(*(member.detach() for member in idle))
        return short

    def _attached(self, queue: str) -> int:
        return sum(m.attached for m in self._members if m.queue.name == queue)

    async def _measure_lag(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + LAG_SAMPLE_S
            await asyncio.sleep(LAG_SAMPLE_S)
            self._engine.metrics.loop_lag_s.set(max(0.0, loop.time() - due))

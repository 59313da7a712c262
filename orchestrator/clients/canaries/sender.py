"""Asks endpoints that are not trusted, in the background and with requests that are nobody's job."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from time import monotonic
from typing import Literal

import structlog

from orchestrator.clients.canaries.trust import Trust

AWAY_POLL_S = 0.25
CanaryEnd = Literal["answered", "failed", "away", "gone"]
"""``away``: nobody could be asked, look again soon; ``gone``: it is no longer of the pool, never ask again."""
Send = Callable[[], Awaitable[CanaryEnd]]
log = structlog.get_logger(__name__)


class CanaryLane:
    """At most one canary per endpoint is on its way, beside the calls and their limit. ``on_answer`` is called when
    an endpoint is trusted again."""

    def __init__(self, on_answer: Callable[[], None] = lambda: None) -> None:
        self._on_answer = on_answer
        self._asking: dict[Trust, asyncio.Task[None]] = {}
        self._comparing: dict[Trust, asyncio.Task[None]] = {}

    def ask_until_answered(self, trust: Trust, name: str, send: Send) -> None:
        """Send canaries until one is answered; ``trust`` says when the first is due."""
        _start(self._asking, trust, self._until_answered(trust, name, send))

    def ask_once(self, trust: Trust, send: Send) -> None:
        """Find out whether others than a certain job are served; the answer counts as one."""
        _start(self._comparing, trust, _once(trust, send))

    async def close(self) -> None:
        """Ask no more."""
        tasks = (*self._asking.values(), *self._comparing.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _until_answered(self, trust: Trust, name: str, send: Send) -> None:
        while not trust.holds:
            await asyncio.sleep(max(0.0, trust.circuit.probe_at - monotonic()))
            trust.begin_probe()
            end: CanaryEnd = "failed"
            try:
                end = await _safely(send)
            finally:
                trust.end_probe(answered=end == "answered", again_in_s=AWAY_POLL_S if end == "away" else None)
            if end == "gone":
                return
        log.info("canary answered", endpoint=name)
        self._on_answer()


def _start(running: dict[Trust, asyncio.Task[None]], trust: Trust, asking: Coroutine[None, None, None]) -> None:
    task = running.get(trust)
    if task is not None and not task.done():
        asking.close()
        return
    running[trust] = asyncio.create_task(asking, name="canary")


async def _once(trust: Trust, send: Send) -> None:
    if await _safely(send) == "answered":
        trust.served += 1


async def _safely(send: Send) -> CanaryEnd:
    """What a canary found out. A bug of ours in sending it must not leave the endpoint out of use for ever."""
    try:
        return await send()
    except Exception:
        log.exception("canary failed")
        return "failed"

"""Random failures before and after what another object does."""

import asyncio
import random
from typing import Any

from orchestrator.domain.errors import PublishUnconfirmed, Unavailable


class Flaky:
    """Stands before another object; its coroutine methods fail at random, until ``left`` failures have happened."""

    def __init__(self, target: Any, source: random.Random, left: list[int]) -> None:
        self._target = target
        self._source = source
        self._left = left

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._target, name)
        if not asyncio.iscoroutinefunction(method) or name in ("depth", "close"):
            return method

        async def flaky(*args: Any, **kwargs: Any) -> Any:
            self._perhaps(Unavailable("chaos"))
            result = await method(*args, **kwargs)
            if name != "subscribe":
                self._perhaps(PublishUnconfirmed("chaos"))
            return result

        return flaky

    def _perhaps(self, ours: Exception) -> None:
        if self._left[0] and self._source.random() < 0.12:
            self._left[0] -= 1
            raise self._source.choice([ours, ours, ZeroDivisionError("a bug"), asyncio.CancelledError()])

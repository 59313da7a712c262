"""Stages that count their runs, answer what they are told, or wait until they may end."""

import asyncio
from typing import Any

from orchestrator.domain.outcome import Outcome
from tests.kit.fakes import JUST_DONE, answering


class Stage:
    """A stage that counts its runs and answers, or raises, what it is told."""

    def __init__(self, *outcomes: Outcome | BaseException) -> None:
        self.runs = 0
        self._answer = answering(*outcomes)

    async def __call__(self, job: Any) -> Outcome:
        self.runs += 1
        return await self._answer(job)


class Gate:
    """A stage that waits until it is opened, and counts."""

    def __init__(self) -> None:
        self.opened = asyncio.Event()
        self.running = 0
        self.most = 0
        self.ended = 0

    async def __call__(self, _job: Any) -> Outcome:
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await self.opened.wait()
            self.ended += 1
        finally:
            self.running -= 1
        return JUST_DONE

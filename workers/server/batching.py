"""Micro-batching: what arrives within a few milliseconds goes through the model together."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from workers.errors import Busy

I = TypeVar("I")  # noqa: E741
R = TypeVar("R")


class Full(Exception):
    """As many items wait as may wait."""


class Stopped(Exception):
    """The batcher was stopped before the item was done."""


class CoreFailed(Exception):
    """The model raised for this item; the cause is what it raised."""


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """``max_batch`` items go together, the first of them waits at most ``wait_s`` seconds for company, and at most
    ``max_waiting`` items wait in all."""

    max_batch: int = 8
    wait_s: float = 0.005
    max_waiting: int = 64


@dataclass(slots=True)
class _Entry(Generic[I, R]):
    item: I
    answer: "asyncio.Future[R]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Batcher(Generic[I, R]):
    """Runs ``core(items) -> results`` in one thread of its own, a batch at a time.

    ``on_batch(size, seconds)`` is told about every batch. Use as an async context manager.
    """

    def __init__(
        self,
        core: Callable[[Sequence[I]], Sequence[R]],
        limits: BatchLimits,
        on_batch: Callable[[int, float], None] = lambda size, seconds: None,
    ) -> None:
        self._core = core
        self._limits = limits
        self._on_batch = on_batch
        self._queue: asyncio.Queue[_Entry[I, R]] = asyncio.Queue(limits.max_waiting)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="core")
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "Batcher[I, R]":
        self._task = asyncio.create_task(self._loop(), name="batcher")
        return self

    async def __aexit__(self, *_: object) -> None:
        """Fail whatever still waits with Stopped. A batch that is in the model is not waited for."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None
        self._fail(self._take_all(), Stopped("the worker is stopping"))
        self._thread.shutdown(wait=False, cancel_futures=True)

    @property
    def waiting(self) -> int:
        """Items that are in no batch yet."""
        return self._queue.qsize()

    async def submit(self, item: I) -> R:
        """The model's result for ``item``. Raises Full at once, CoreFailed, or Stopped.

        A caller that is cancelled takes its item back if no batch with it has begun.
        """
        if self._task is None:
            raise Stopped("the batcher is not running")
        entry: _Entry[I, R] = _Entry(item)
        try:
            self._queue.put_nowait(entry)
        except asyncio.QueueFull:
            raise Full(f"{self._limits.max_waiting} items wait already") from None
        return await entry.answer

    async def _loop(self) -> None:
        while True:
            batch: list[_Entry[I, R]] = []
            try:
                await self._gather(batch)
                batch = [entry for entry in batch if not entry.answer.done()]
                if batch:
                    await self._process(batch)
            except asyncio.CancelledError:
                self._fail(batch, Stopped("the worker is stopping"))
                raise
            except Exception as error:  # whatever it is, the next batch has nothing to do with it
                self._fail(batch, error)

    async def _gather(self, batch: list[_Entry[I, R]]) -> None:
        batch.append(await self._queue.get())
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._limits.wait_s):
                while len(batch) < self._limits.max_batch:
                    batch.append(await self._queue.get())

    async def _process(self, batch: list[_Entry[I, R]]) -> None:
        began = time.monotonic()
        outcome = await self._run(batch)
        if isinstance(outcome, BaseException) and len(batch) > 1:
            for entry in batch:  # one by one, so that only the culprit fails
                self._settle([entry], await self._run([entry]))
        else:
            self._settle(batch, outcome)
        self._on_batch(len(batch), time.monotonic() - began)

    async def _run(self, batch: Sequence[_Entry[I, R]]) -> Sequence[R] | BaseException:
        items = [entry.item for entry in batch]
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._guarded, items)

    def _guarded(self, items: Sequence[I]) -> Sequence[R] | BaseException:
        """What the model raises is a value from here on: not even SystemExit from a library may end the loop."""
        try:
            results = self._core(items)
            if len(results) != len(items):
                raise RuntimeError(f"the model gave {len(results)} results for {len(items)} items")
        except BaseException as error:
            return error
        return results

    def _settle(self, batch: Sequence[_Entry[I, R]], outcome: Sequence[R] | BaseException) -> None:
        if isinstance(outcome, BaseException):
            failure = CoreFailed(f"{type(outcome).__name__}: {outcome}")
            failure.__cause__ = outcome
            self._fail(batch, failure)
            return
        for entry, result in zip(batch, outcome, strict=True):
            if not entry.answer.done():
                entry.answer.set_result(result)

    def _fail(self, batch: Sequence[_Entry[I, R]], error: Exception) -> None:
        for entry in batch:
            if not entry.answer.done():
                entry.answer.set_exception(error)

    def _take_all(self) -> list[_Entry[I, R]]:
        return [self._queue.get_nowait() for _ in range(self._queue.qsize())]


async def submit(batcher: Batcher[I, R], item: I, what: str) -> R:
    """The model's result for ``item``, which is ``what`` to people: kind and size.

    Raises Busy when the batcher is full or stopping or the device has no memory left; CoreFailed, with the model's
    own exception as its cause, is a bug.
    """
    try:
        return await batcher.submit(item)
    except Full as error:
        raise Busy("full", str(error)) from error
    except Stopped as error:
        raise Busy("draining", str(error)) from error
    except CoreFailed as error:
        if isinstance(error.__cause__, MemoryError):
            raise Busy("out_of_memory", f"the device has no memory left for {what}") from error
        raise

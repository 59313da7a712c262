"""Micro-batching: items keep to themselves what goes wrong with them."""

import asyncio
import threading
from collections.abc import Callable, Sequence

import pytest

from workers.server.batching import Batcher, BatchLimits, CoreFailed, Full, Stopped


class Doubler:
    """A model that doubles numbers, remembers its batches, and fails every batch with a value of ``poison``."""

    def __init__(self, poison: frozenset[int] = frozenset()) -> None:
        self.batches: list[list[int]] = []
        self.poison = poison
        self.gate = threading.Event()
        self.gate.set()

    def core(self, items: Sequence[int]) -> list[int]:
        self.batches.append(list(items))
        assert self.gate.wait(10)
        if self.poison & set(items):
            raise ValueError("poison")
        return [2 * item for item in items]


async def spin(until_true: Callable[[], object]) -> None:
    while not until_true():
        await asyncio.sleep(0.001)


async def test_items_that_come_together_go_through_the_model_together() -> None:
    model, sizes = Doubler(), []
    async with Batcher(model.core, BatchLimits(4, 0.2, 64), lambda size, _seconds: sizes.append(size)) as batcher:
        assert await asyncio.gather(*(batcher.submit(n) for n in range(8))) == [0, 2, 4, 6, 8, 10, 12, 14]
    assert model.batches == [[0, 1, 2, 3], [4, 5, 6, 7]] and sizes == [4, 4]


async def test_a_lonely_item_waits_no_longer_than_allowed() -> None:
    async with Batcher(Doubler().core, BatchLimits(8, 0.01, 64)) as batcher:
        assert await asyncio.wait_for(batcher.submit(21), 5) == 42


async def test_a_bad_item_fails_alone_and_its_neighbours_are_served() -> None:
    model = Doubler(frozenset({2}))
    async with Batcher(model.core, BatchLimits(4, 0.2, 64)) as batcher:
        answers = await asyncio.gather(*(batcher.submit(n) for n in range(4)), return_exceptions=True)
        assert answers[:2] == [0, 2] and answers[3] == 6
        assert isinstance(answers[2], CoreFailed) and isinstance(answers[2].__cause__, ValueError)
        assert await batcher.submit(5) == 10
    assert model.batches[:5] == [[0, 1, 2, 3], [0], [1], [2], [3]]


@pytest.mark.parametrize("failure", [SystemExit(3), KeyboardInterrupt(), StopIteration(), MemoryError()])
async def test_not_even_an_exit_in_the_model_ends_the_loop(failure: BaseException) -> None:
    def core(items: Sequence[BaseException | None]) -> list[str]:
        for item in items:
            if item is not None:
                raise item
        return ["fine"] * len(items)

    async with Batcher(core, BatchLimits(1, 0.0, 8)) as batcher:
        with pytest.raises(CoreFailed) as caught:
            await batcher.submit(failure)
        assert caught.value.__cause__ is failure
        assert await batcher.submit(None) == "fine"


async def test_a_model_that_loses_a_result_fails_its_batch_and_not_the_loop() -> None:
    def core(items: Sequence[int]) -> list[int]:
        return [] if 1 in items else list(items)

    async with Batcher(core, BatchLimits(1, 0.0, 8)) as batcher:
        with pytest.raises(CoreFailed, match="0 results for 1 items"):
            await batcher.submit(1)
        assert await batcher.submit(2) == 2


async def test_an_error_of_the_loop_itself_fails_its_batch_and_the_loop_goes_on() -> None:
    broken = [False, True]

    def report(_size: int, _seconds: float) -> None:
        if broken.pop():
            raise RuntimeError("metrics are broken")

    async with Batcher(Doubler().core, BatchLimits(1, 0.0, 8), report) as batcher:
        assert await batcher.submit(1) == 2
        assert await batcher.submit(2) == 4


async def test_a_full_queue_refuses_at_once() -> None:
    model = Doubler()
    model.gate.clear()
    async with Batcher(model.core, BatchLimits(1, 0.0, 2)) as batcher:
        first = asyncio.create_task(batcher.submit(1))
        await spin(lambda: model.batches)
        waiting = [asyncio.create_task(batcher.submit(n)) for n in (2, 3)]
        await spin(lambda: batcher.waiting == 2)
        with pytest.raises(Full):
            await batcher.submit(4)
        model.gate.set()
        assert await asyncio.gather(first, *waiting) == [2, 4, 6]


async def test_callers_that_went_away_are_dropped_before_their_batch_begins() -> None:
    model = Doubler()
    model.gate.clear()
    async with Batcher(model.core, BatchLimits(4, 0.0, 8)) as batcher:
        first = asyncio.create_task(batcher.submit(1))
        await spin(lambda: model.batches)
        gone, stays = (asyncio.create_task(batcher.submit(n)) for n in (2, 3))
        await spin(lambda: batcher.waiting == 2)
        gone.cancel()
        model.gate.set()
        assert await asyncio.gather(first, stays) == [2, 6]
    assert model.batches == [[1], [3]]


async def test_stopping_fails_whatever_waits() -> None:
    model = Doubler()
    model.gate.clear()
    async with Batcher(model.core, BatchLimits(1, 0.0, 8)) as batcher:
        tasks = [asyncio.create_task(batcher.submit(n)) for n in (1, 2)]
        await spin(lambda: model.batches and batcher.waiting == 1)
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    model.gate.set()
    assert [type(answer) for answer in answers] == [Stopped, Stopped]
    with pytest.raises(Stopped):
        await batcher.submit(3)

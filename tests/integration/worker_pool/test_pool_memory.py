"""The worker pool and jobs that find no memory: they wait, unless they alone are to blame."""

import asyncio

import pytest
from aiohttp import web

from orchestrator.clients.canaries import trust
from orchestrator.domain.errors import JobFailed, Unavailable
from tests.kit.polling import until
from tests.kit.pool import StubWorker, answers, call, pooled, works

HUGE = b"huge" * 1000
full = answers(503, "out_of_memory", Retry_After="0")


async def no_room_for_huge(request: web.Request) -> web.StreamResponse:
    return await (full if await request.read() == HUGE else works)(request)


async def test_a_job_that_alone_finds_no_memory_is_charged_once_another_was_served(workers: list[StubWorker]) -> None:
    workers[0].behave = no_room_for_huge
    async with pooled(workers[:1]) as pool:
        for _ in range(3):
            with pytest.raises(Unavailable):
                await call(pool, HUGE)
        for _ in range(2):  # every attempt begins anew
            await call(pool, b"another")
            with pytest.raises(JobFailed) as caught:
                await call(pool, HUGE)
            with pytest.raises(Unavailable):
                await call(pool, HUGE)

    assert caught.value.reason.code == "out_of_memory"
    assert "4000 bytes" in caught.value.reason.message and "so it says" in caught.value.reason.message


async def test_a_device_that_is_full_for_everyone_charges_nobody(workers: list[StubWorker]) -> None:
    workers[0].behave = full
    async with pooled(workers[:1]) as pool:
        for number in range(12):
            with pytest.raises(Unavailable):
                await call(pool, b"image %d" % (number % 3))

        workers[0].behave = works
        assert (await call(pool, b"image 0")).status == 200


async def test_a_larger_worker_takes_what_a_smaller_one_cannot(workers: list[StubWorker]) -> None:
    workers[0].behave = no_room_for_huge
    async with pooled(workers[:2]) as pool:
        for _ in range(6):
            assert (await call(pool, HUGE)).endpoint == workers[1].url
            await call(pool, b"another")

        workers[1].behave = answers(503, "full", Retry_After="0")  # it has room, and no time
        with pytest.raises(Unavailable):
            await call(pool, HUGE)


async def test_with_no_other_job_for_long_a_canary_is_what_others_would_be(
    workers: list[StubWorker], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trust, "ALONE_S", 0.1)
    workers[0].behave = no_room_for_huge
    async with pooled(workers[:1]) as pool:
        with pytest.raises(Unavailable):
            await call(pool, HUGE)
        await asyncio.sleep(0.1)
        with pytest.raises(Unavailable):
            await call(pool, HUGE)
        await until(lambda: workers[0].canaries == 1)
        with pytest.raises(JobFailed, match="out_of_memory"):
            await call(pool, HUGE)

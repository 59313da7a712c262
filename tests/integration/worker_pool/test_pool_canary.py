"""The worker pool and endpoints that fail whatever they are sent: canaries find out, jobs are not charged for it."""

import asyncio
from collections import Counter
from functools import partial

import pytest
from aiohttp import web

from orchestrator.clients.workers.pool import WorkerPool
from orchestrator.domain.errors import JobFailed, Unavailable
from tests.kit.polling import until
from tests.kit.pool import StubWorker, answers, call, hangs, pooled, states, works

briefly = partial(pooled, queue_wait_s=0.05)


async def ends(pool: WorkerPool, *bodies: bytes) -> Counter[str]:
    """How a call with each of ``bodies`` ended, by kind."""
    results = await asyncio.gather(*(call(pool, body) for body in bodies), return_exceptions=True)
    return Counter(type(result).__name__ for result in results)


def images(count: int, start: int = 0) -> list[bytes]:
    return [b"image %d" % number for number in range(start, start + count)]


@pytest.mark.parametrize("status", [500, 502, 404])
async def test_a_lone_worker_that_fails_every_job_is_sent_canaries_until_it_answers(
    workers: list[StubWorker], status: int
) -> None:
    worker = workers[0]
    worker.behave = answers(status)
    async with briefly([worker], probe_after_s=0.1) as pool:
        assert await ends(pool, *images(2)) == {"JobFailed": 2}
        for number in range(2, 22):
            assert await ends(pool, b"image %d" % number) == {"Unavailable": 1}
        assert (worker.asked, states(pool)[0] in ("ejected", "probing")) == (3, True)
        await until(lambda: worker.canaries >= 3)

        worker.behave = works
        await until(lambda: states(pool) == ["ready"])
        assert (await call(pool, b"image 2")).body == b"image 2"
        assert worker.handshakes >= 2  # it might have come back as another model


async def test_jobs_in_flight_when_the_worker_turns_suspect_are_not_charged(workers: list[StubWorker]) -> None:
    workers[0].behave = answers(500)
    async with briefly(workers[:1], probe_after_s=60) as pool:
        assert await ends(pool, *images(8)) == {"JobFailed": 2, "Unavailable": 6}


async def test_the_last_workers_of_a_pool_are_ejected_too(workers: list[StubWorker]) -> None:
    for worker in workers:
        worker.behave = answers(500)
    async with briefly(workers, eject_after=2, probe_after_s=60) as pool:
        found = Counter[str]()
        for image in images(20):
            found += await ends(pool, image)

        assert (found, {*states(pool)}) == ({"JobFailed": 3, "Unavailable": 17}, {"ejected"})


async def test_a_suspect_worker_hands_its_jobs_to_the_others_and_rests(workers: list[StubWorker]) -> None:
    workers[0].behave = answers(500)
    async with briefly(workers[:2], eject_after=2, probe_after_s=0.3) as pool:
        results = [await ends(pool, image) for image in images(6)]
        assert sum(results, Counter()) == {"JobFailed": 1, "WorkerReply": 5}
        assert (states(pool), workers[0].asked, workers[0].canaries) == (["ejected", "ready"], 2, 0)

        await until(lambda: workers[0].canaries >= 2)
        workers[0].behave = works
        await until(lambda: states(pool) == ["ready", "ready"])
        assert workers[0].asked == 2  # no job found out


async def test_one_bad_image_costs_only_its_own_attempts(workers: list[StubWorker]) -> None:
    async def picky(request: web.Request) -> web.StreamResponse:
        return await (answers(500) if await request.read() == b"bad" else works)(request)

    workers[0].behave = picky
    async with briefly(workers[:1], eject_after=2) as pool:
        for _ in range(10):
            with pytest.raises(JobFailed, match="worker_error"):
                await call(pool, b"bad")
        assert await ends(pool, *images(4), b"bad") == {"WorkerReply": 4, "JobFailed": 1}
        assert (states(pool), workers[0].canaries) == (["ready"], 0)


@pytest.mark.parametrize("eject_after", [1, 2, 3])
async def test_bad_images_alone_are_charged_because_the_canary_is_answered(
    workers: list[StubWorker], eject_after: int
) -> None:
    async def only_canaries(request: web.Request) -> web.StreamResponse:
        return await (works if "canary" in request.query else answers(500))(request)

    workers[0].behave = only_canaries
    async with briefly(workers[:1], eject_after=eject_after) as pool:
        charged = Counter[bytes]()
        async with asyncio.timeout(10):
            while min((charged[image] for image in images(4)), default=0) < 4:
                for image in images(4):
                    charged[image] += (await ends(pool, image))["JobFailed"]
                await until(lambda: states(pool) == ["ready"])

        assert workers[0].asked <= 16 + 4 * eject_after


async def test_refusals_and_skips_do_not_vouch_for_a_model_that_fails(workers: list[StubWorker]) -> None:
    async def no_gpu(request: web.Request) -> web.StreamResponse:
        body = await request.read()
        if body.startswith(b"skip"):
            return web.Response()
        return await answers(422 if body.startswith(b"no") else 500, "corrupt")(request)

    workers[0].behave = no_gpu
    async with briefly(workers[:1], probe_after_s=60) as pool:
        found = Counter[str]()
        for number in range(6):
            for kind in (b"skip %d", b"no image %d", b"image %d"):
                found += await ends(pool, kind % number)

        assert found["JobFailed"] == 2
        assert states(pool) == ["ejected"]


async def test_a_worker_that_hangs_is_asked_by_one_canary_at_a_time(workers: list[StubWorker]) -> None:
    workers[0].behave = hangs
    async with briefly(workers[:1], timeout_s=0.2, probe_after_s=0.05) as pool:
        assert await ends(pool, *images(4)) == {"JobFailed": 2, "Unavailable": 2}
        await until(lambda: states(pool) == ["probing"])
        with pytest.raises(Unavailable, match="1 probing"):
            await call(pool, b"waits for the canary in vain")
        assert workers[0].asked == 4

        workers[0].behave = works
        await until(lambda: states(pool) == ["ready"])


async def test_a_call_waits_for_the_canary_that_is_on_its_way(workers: list[StubWorker]) -> None:
    asked = asyncio.Event()

    async def slow_canary(request: web.Request) -> web.StreamResponse:
        if "canary" not in request.query:
            return await answers(500)(request)
        asked.set()
        await asyncio.sleep(0.1)
        workers[0].behave = works
        return await works(request)

    workers[0].behave = slow_canary
    async with pooled(workers[:1], eject_after=1, poll_interval_s=60) as pool:
        assert await ends(pool, b"image") == {"Unavailable": 1}
        await asked.wait()
        assert (await call(pool, b"another")).status == 200


async def test_an_endpoint_that_was_replaced_is_asked_no_more(workers: list[StubWorker]) -> None:
    workers[0].behave = answers(500)
    async with briefly(workers[:1], eject_after=1, probe_after_s=0.05) as pool:
        await ends(pool, b"image")
        await until(lambda: workers[0].canaries > 0)
        pool.replace_endpoints([workers[1].url])
        await until(lambda: states(pool) == ["ready"])
        await asyncio.sleep(0.1)
        asked = workers[0].canaries
        await asyncio.sleep(0.2)

        assert workers[0].canaries == asked

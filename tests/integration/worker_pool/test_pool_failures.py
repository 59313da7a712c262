"""The worker pool: calls that fail, whose fault that is, and endpoints that are ejected and taken back."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from aiohttp import web

from orchestrator.domain.errors import JobFailed, JobRefused
from tests.kit.polling import until
from tests.kit.pool import StubWorker, answers, call, dies, hangs, pooled, states, works


async def test_a_failing_endpoint_is_ejected_probed_and_taken_back(workers: list[StubWorker]) -> None:
    workers[0].behave = answers(500, "bug")
    async with pooled(workers, eject_after=2) as pool:
        results = await asyncio.gather(*(call(pool) for _ in range(6)), return_exceptions=True)
        assert [str(result)[:12] for result in results if isinstance(result, JobFailed)] == ["worker_error"] * 2
        assert (states(pool), workers[0].asked) == (["ejected", "ready", "ready"], 2)
        await until(lambda: pool.state()[0].model == "stub")  # hands are shaken again

        async def probe() -> None:
            for _ in range(3):
                await asyncio.gather(call(pool), return_exceptions=True)

        await until_true(probe, lambda: workers[0].asked == 3)
        assert states(pool)[0] == "ejected"

        workers[0].behave = works
        await until_true(probe, lambda: states(pool)[0] == "ready")
        assert (workers[0].asked, pool.state()[0].failures) == (4, 0)
        assert workers[0].handshakes >= 3


async def until_true(step: Callable[[], Awaitable[None]], condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await step()
            await asyncio.sleep(0.01)


async def test_a_probe_is_one_request_at_a_time(workers: list[StubWorker]) -> None:
    workers[0].behave = answers(500, "bug")
    async with pooled(workers[:2], eject_after=1, probe_after_s=0.1, queue_wait_s=0.1) as pool:
        await asyncio.gather(*(call(pool) for _ in range(2)), return_exceptions=True)
        assert states(pool)[0] == "ejected"
        workers[0].behave = hangs
        asked = workers[0].asked
        calls = [asyncio.create_task(call(pool))]
        while workers[0].asked == asked:
            await asyncio.sleep(0.01)
            calls.append(asyncio.create_task(call(pool)))
        calls += [asyncio.create_task(call(pool)) for _ in range(20)]
        await asyncio.sleep(0.2)

        assert (workers[0].asked, states(pool)) == (asked + 1, ["probing", "ready"])
        for task in calls:
            task.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        assert states(pool)[0] == "ejected"


async def test_the_last_endpoint_is_never_ejected(workers: list[StubWorker]) -> None:
    for worker in workers:
        worker.behave = answers(500, "bug")
    async with pooled(workers, eject_after=2, probe_after_s=60) as pool:
        for _ in range(20):
            with pytest.raises(JobFailed, match="worker_error"):
                await call(pool)

        assert sorted(states(pool)) == ["ejected", "ejected", "ready"]
        for worker in workers:
            worker.behave = works
        assert (await call(pool)).status == 200


async def test_a_connection_that_dies_fails_over_to_another_endpoint(workers: list[StubWorker]) -> None:
    workers[0].behave = dies
    async with pooled(workers) as pool:
        replies = [await call(pool) for _ in range(9)]

    assert {reply.endpoint for reply in replies} <= {worker.url for worker in workers[1:]}


async def test_a_job_that_kills_two_workers_costs_an_attempt(workers: list[StubWorker]) -> None:
    for worker in workers:
        worker.behave = dies
    async with pooled(workers) as pool:
        with pytest.raises(JobFailed) as caught:
            await call(pool)

    assert caught.value.reason.code == "worker_died"
    assert [worker.asked for worker in workers] == [1, 1, 0]


async def test_the_only_worker_is_asked_once_more_when_it_cuts_the_connection(workers: list[StubWorker]) -> None:
    async def dies_once(request: web.Request) -> web.StreamResponse:
        return await (dies if workers[0].asked == 1 else works)(request)

    workers[0].behave = dies_once
    async with pooled(workers[:1]) as pool:
        assert (await call(pool)).status == 200

        workers[0].behave = dies
        with pytest.raises(JobFailed) as caught:
            await call(pool)
        assert caught.value.reason.code == "worker_died"
        assert workers[0].asked == 4


async def test_a_call_that_takes_too_long_is_tried_elsewhere_then_costs_an_attempt(workers: list[StubWorker]) -> None:
    workers[0].behave = hangs
    async with pooled(workers[:2], timeout_s=0.2) as pool:
        assert (await call(pool)).endpoint == workers[1].url

        workers[1].behave = hangs
        with pytest.raises(JobFailed) as caught:
            await call(pool)
        assert caught.value.reason.code == "worker_timeout"
        assert [worker.asked for worker in workers] == [2, 2, 0]


async def test_a_picture_that_hangs_the_only_worker_is_not_sent_to_it_again(workers: list[StubWorker]) -> None:
    workers[0].behave = hangs
    async with pooled(workers[:1], timeout_s=0.2) as pool:
        with pytest.raises(JobFailed, match="worker_timeout"):
            await call(pool)

    assert workers[0].asked == 1


async def test_a_refusal_is_the_jobs_and_keeps_the_endpoint_in_use(workers: list[StubWorker]) -> None:
    workers[0].behave = answers(422, "not_a_picture")
    async with pooled(workers[:1], eject_after=1) as pool:
        for _ in range(3):
            with pytest.raises(JobRefused) as caught:
                await call(pool)
            assert (caught.value.reason.code, caught.value.reason.message) == ("not_a_picture", "so it says")

        assert (states(pool), pool.state()[0].failures) == (["ready"], 0)


@pytest.mark.parametrize(
    ("status", "code"), [(404, "bad_worker_reply"), (302, "bad_worker_reply"), (502, "worker_error")]
)
async def test_an_answer_off_the_wire_costs_an_attempt(workers: list[StubWorker], status: int, code: str) -> None:
    workers[0].behave = answers(status, Location="/elsewhere")
    async with pooled(workers[:1]) as pool:
        with pytest.raises(JobFailed) as caught:
            await call(pool)

    assert (caught.value.reason.code, workers[0].asked) == (code, 1)

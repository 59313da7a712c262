"""The worker pool: calls that fail, whose fault that is, and endpoints that are ejected and taken back."""

import pytest
from aiohttp import web

from orchestrator.domain.errors import JobFailed, JobRefused
from tests.kit.pool import StubWorker, answers, call, dies, hangs, pooled, states, works


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

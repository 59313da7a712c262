"""The worker pool: what a call carries, how calls are spread, and permits that never leak."""

import asyncio
import os
from collections import Counter

import pytest
from aiohttp import web
from opentelemetry.sdk.trace import TracerProvider

from orchestrator.clients.workers.endpoint import EndpointState
from orchestrator.domain.errors import Unavailable
from tests.kit.polling import until
from tests.kit.pool import StubWorker, call, hangs, pooled, works


async def test_a_call_posts_the_body_and_returns_the_reply(workers: list[StubWorker]) -> None:
    async with pooled(workers[:1]) as pool:
        reply = await call(pool, b"bytes")

        assert (reply.status, reply.body, reply.endpoint) == (200, b"bytes", workers[0].url)
        request = workers[0].requests[0]
        assert (request.path_qs, request.headers["X-Test"]) == ("/enhance?force=false", "1")
        assert pool.state() == (EndpointState(workers[0].url, "ready", 0, 0, "stub", "1"),)


async def test_a_large_body_arrives_whole(workers: list[StubWorker]) -> None:
    body = os.urandom(5 * 2**20)
    async with pooled(workers[:1]) as pool:
        assert (await call(pool, body)).body == body


async def test_the_trace_travels_with_the_request(workers: list[StubWorker]) -> None:
    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("test")
    async with pooled(workers[:1]) as pool:
        with tracer.start_as_current_span("stage") as span:
            await call(pool)
        await call(pool)

    traced, untraced = workers[0].requests
    assert f"{span.get_span_context().trace_id:032x}" in traced.headers["traceparent"]
    assert "traceparent" not in untraced.headers


async def test_round_robin_spreads_calls_evenly(workers: list[StubWorker]) -> None:
    async with pooled(workers) as pool:
        replies = Counter([(await call(pool)).endpoint for _ in range(30)])

    assert replies == {worker.url: 10 for worker in workers}


async def test_least_in_flight_goes_around_a_slow_worker(workers: list[StubWorker]) -> None:
    workers[0].behave = hangs
    async with pooled(workers, policy="least_in_flight") as pool:
        slow = asyncio.create_task(call(pool))
        await until(lambda: workers[0].asked == 1)
        for _ in range(10):
            await call(pool)
        slow.cancel()
        await asyncio.gather(slow, return_exceptions=True)

    assert [worker.asked for worker in workers] == [1, 5, 5]


async def test_no_endpoint_is_sent_more_than_its_limit(workers: list[StubWorker]) -> None:
    running, highest = Counter[str](), Counter[str]()

    async def counted(request: web.Request) -> web.Response:
        host = request.host
        running[host] += 1
        highest[host] = max(highest[host], running[host])
        await asyncio.sleep(0.005)
        running[host] -= 1
        return web.Response()

    for worker in workers:
        worker.behave = counted
    async with pooled(workers, max_in_flight=2) as pool:
        await asyncio.gather(*(call(pool) for _ in range(60)))

        assert [endpoint.in_flight for endpoint in pool.state()] == [0, 0, 0]
    assert set(highest.values()) == {2}


async def test_calls_over_the_limit_wait_in_order_of_arrival(workers: list[StubWorker]) -> None:
    ended: list[int] = []
    async with pooled(workers[:1], max_in_flight=1, poll_interval_s=60) as pool:

        async def numbered(number: int) -> None:
            await call(pool)
            ended.append(number)

        await asyncio.gather(*(numbered(number) for number in range(20)))

    assert ended == list(range(20))


async def test_a_call_that_waited_long_enough_says_that_every_worker_is_busy(workers: list[StubWorker]) -> None:
    workers[0].behave = hangs
    async with pooled(workers[:1], max_in_flight=1, queue_wait_s=0.1) as pool:
        first = asyncio.create_task(call(pool))
        await until(lambda: workers[0].asked == 1)
        with pytest.raises(Unavailable, match="1 busy") as caught:
            await call(pool)
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)

        assert caught.value.dependency == "enhance"
        assert caught.value.retry_after_s is not None
        workers[0].behave = works
        assert (await call(pool)).status == 200


async def test_permits_come_back_when_calls_are_cancelled(workers: list[StubWorker]) -> None:
    workers[0].behave = hangs
    async with pooled(workers[:1], max_in_flight=2) as pool:
        calls = [asyncio.create_task(call(pool)) for _ in range(6)]
        await until(lambda: workers[0].asked == 2)
        for task in reversed(calls):  # those that wait, then those in flight
            task.cancel()
        await asyncio.gather(*calls, return_exceptions=True)

        assert pool.state()[0].in_flight == 0
        workers[0].behave = works
        assert (await call(pool)).status == 200


async def test_a_permit_handed_to_a_call_that_is_cancelled_goes_to_the_next(workers: list[StubWorker]) -> None:
    workers[0].behave = hangs
    async with pooled(workers[:1], max_in_flight=1) as pool:
        first, second, third = (asyncio.create_task(call(pool)) for _ in range(3))
        await until(lambda: workers[0].asked == 1)
        workers[0].behave = works
        first.cancel()
        second.cancel()  # in the same turn of the loop in which it is handed the permit

        assert (await third).status == 200
        assert pool.state()[0].in_flight == 0

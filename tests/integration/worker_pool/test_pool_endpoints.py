"""The worker pool: endpoints that are away, busy, unready, of another kind or replaced."""

import asyncio
from collections import Counter

import aiohttp
import pytest
from aiohttp import web
from structlog.testing import capture_logs

from orchestrator.domain.errors import Unavailable
from tests.kit.polling import until
from tests.kit.pool import StubWorker, answers, call, pooled, states
from workers.wire import WIRE_VERSION


async def test_nobody_listening_is_unavailable_and_seen_at_once(workers: list[StubWorker]) -> None:
    async with pooled(workers[:1], poll_interval_s=60) as pool:
        await workers[0].stop()
        with pytest.raises(Unavailable) as caught:
            await call(pool)

        assert caught.value.retry_after_s is not None
        assert states(pool) == ["unready"]


async def test_a_worker_that_comes_back_is_used_again_after_a_handshake(workers: list[StubWorker]) -> None:
    async with pooled(workers[:1]) as pool:
        await workers[0].stop()
        await until(lambda: states(pool) == ["unready"])
        await workers[0].start()
        await until(lambda: states(pool) == ["ready"])

        assert (await call(pool)).status == 200
        assert workers[0].handshakes == 2


async def test_a_refused_connection_fails_over_without_costing_an_attempt(workers: list[StubWorker]) -> None:
    async with pooled(workers, poll_interval_s=60) as pool:
        await workers[0].stop()
        await workers[1].stop()

        assert {(await call(pool)).endpoint for _ in range(6)} == {workers[2].url}
        assert states(pool) == ["unready", "unready", "ready"]


async def test_a_busy_worker_is_left_alone_as_long_as_it_asks(workers: list[StubWorker]) -> None:
    workers[0].behave = answers(503, "busy", Retry_After="60")
    async with pooled(workers[:2]) as pool:
        for _ in range(10):
            assert (await call(pool)).endpoint == workers[1].url

        assert workers[0].asked == 1
        assert (states(pool), pool.state()[0].failures) == (["ready", "ready"], 0)


async def test_busy_workers_everywhere_are_unavailable_until_the_first_one_has_time(workers: list[StubWorker]) -> None:
    workers[0].behave = answers(503, "busy", Retry_After="1")
    workers[1].behave = answers(503, "busy", Retry_After="30")
    async with pooled(workers[:2]) as pool:
        for _ in range(3):
            with pytest.raises(Unavailable, match="2 busy") as caught:
                await call(pool)
            assert caught.value.retry_after_s is not None
            assert 0 < caught.value.retry_after_s <= 1

        assert [worker.asked for worker in workers[:2]] == [1, 1]


async def test_an_unready_worker_gets_no_calls(workers: list[StubWorker]) -> None:
    workers[0].ready = False
    async with pooled(workers[:2]) as pool:
        for _ in range(4):
            await call(pool)
        assert (states(pool), workers[0].asked) == (["unready", "ready"], 0)

        workers[0].ready = True
        await until(lambda: states(pool)[0] == "ready")


@pytest.mark.parametrize(("wire", "service"), [("justlens.wire/999", "enhance"), (WIRE_VERSION, "clip")])
async def test_a_worker_of_another_kind_is_refused_in_one_log_line(
    workers: list[StubWorker], wire: str, service: str
) -> None:
    workers[0].wire, workers[0].service = wire, service
    with capture_logs() as logs:
        async with pooled(workers[:2]) as pool:
            for _ in range(4):
                await call(pool)
            await until(lambda: workers[0].handshakes >= 3)
            assert (states(pool), workers[0].asked) == (["incompatible", "ready"], 0)
            workers[0].wire, workers[0].service = WIRE_VERSION, "enhance"
            await until(lambda: states(pool)[0] == "ready")

    refusals = [line for line in logs if line["event"] == "worker endpoint refused"]
    assert [(line["endpoint"], wire in line["reason"], service in line["reason"]) for line in refusals] == [
        (workers[0].url, True, True)
    ]


async def test_a_worker_that_is_replaced_by_another_release_under_way_is_met_again(workers: list[StubWorker]) -> None:
    async with pooled(workers[:1], poll_interval_s=60) as pool:
        workers[0].wire = "justlens.wire/99"
        workers[0].behave = answers(503, "incompatible_wire", Retry_After="0")
        with pytest.raises(Unavailable):
            await call(pool)
        await until(lambda: states(pool) == ["incompatible"])

        assert workers[0].requests[0].headers["JustLens-Wire"] == WIRE_VERSION
        assert "run the same release of both" in str(pool.state()[0].problem)


async def test_a_server_that_is_no_worker_is_incompatible() -> None:
    async def fine(request: web.Request) -> web.Response:
        return web.Response(text="welcome to nginx")

    runner = web.AppRunner(app := web.Application())
    app.router.add_get("/{tail:.*}", fine)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    stranger = StubWorker()
    stranger.port = runner.addresses[0][1]
    async with pooled([stranger]) as pool:
        assert states(pool) == ["incompatible"]
        with pytest.raises(Unavailable, match="1 incompatible"):
            await call(pool)
    await runner.cleanup()


async def test_replaced_endpoints_finish_what_they_have_and_get_no_more(workers: list[StubWorker]) -> None:
    release = asyncio.Event()

    async def waits(request: web.Request) -> web.Response:
        await release.wait()
        return web.Response(body=b"finished")

    workers[0].behave = waits
    async with pooled(workers[:2], poll_interval_s=60) as pool:
        in_flight = asyncio.create_task(call(pool))
        await until(lambda: workers[0].asked == 1)
        pool.replace_endpoints([workers[1].url, workers[2].url + "/"])
        await until(lambda: states(pool) == ["ready", "ready"])
        replies = Counter([(await call(pool)).endpoint for _ in range(6)])
        release.set()

        assert (await in_flight).body == b"finished"
        assert replies == {workers[1].url: 3, workers[2].url: 3}
        assert workers[1].handshakes == 1

        pool.replace_endpoints([])
        with pytest.raises(Unavailable, match="empty"):
            await call(pool)


async def test_looking_goes_on_after_it_failed_once(workers: list[StubWorker], monkeypatch: pytest.MonkeyPatch) -> None:
    async with pooled(workers[:1]) as pool:
        with capture_logs() as logs, monkeypatch.context() as patched:
            patched.setattr(aiohttp.ClientSession, "get", None)
            await until(lambda: any(line["event"] == "looking at worker endpoints failed" for line in logs))
        workers[0].ready = False
        await until(lambda: states(pool) == ["unready"])

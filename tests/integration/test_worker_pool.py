"""The worker pool against real HTTP workers on loopback: spread, failure, recovery, and permits that never leak."""

import asyncio
import os
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from opentelemetry.sdk.trace import TracerProvider
from structlog.testing import capture_logs

from orchestrator.clients.endpoint import EndpointState
from orchestrator.clients.endpoints import WorkerPool
from orchestrator.clients.enhance import EnhanceClient
from orchestrator.clients.http import open_session
from orchestrator.clients.replies import WorkerReply
from orchestrator.config import PoolSpec
from orchestrator.domain.errors import JobFailed, JobRefused, Unavailable
from orchestrator.domain.jobs import Content
from orchestrator.domain.pictures import EnhancedPicture, SkippedPicture
from workers.wire import RESULT_HEADER, WIRE_VERSION, ContentReply, EnhanceReply, ErrorReply, Handshake

Behaviour = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def works(request: web.Request) -> web.Response:
    return web.Response(body=await request.read())


def answers(status: int, code: str = "", **headers: str) -> Behaviour:
    async def behave(request: web.Request) -> web.Response:
        body = ErrorReply(code=code, message="so it says").model_dump_json() if code else "oops"
        return web.Response(status=status, text=body, headers={k.replace("_", "-"): v for k, v in headers.items()})

    return behave


async def hangs(request: web.Request) -> web.Response:
    await asyncio.sleep(60)
    return web.Response()


async def dies(request: web.Request) -> web.Response:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


class StubWorker:
    """A worker in this process whose behaviour is set from outside. Keeps its port when it is started again."""

    def __init__(self) -> None:
        self.behave: Behaviour = works
        self.ready = True
        self.wire = WIRE_VERSION
        self.service = "enhance"
        self.handshakes = 0
        self.requests: list[web.Request] = []
        self.port = 0
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def asked(self) -> int:
        return len(self.requests)

    async def start(self) -> None:
        app = web.Application(client_max_size=2**26)
        app.add_routes(
            [
                web.get("/readyz", self._readyz),
                web.get("/handshake", self._handshake),
                web.post("/enhance", self._enhance),
            ]
        )
        self._runner = web.AppRunner(app, shutdown_timeout=0.01, handler_cancellation=True)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Stop listening and close every connection. Gives the pool's idle ones a moment to notice."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
            await asyncio.sleep(0.02)

    async def _readyz(self, request: web.Request) -> web.Response:
        return web.Response(status=200 if self.ready else 503)

    async def _handshake(self, request: web.Request) -> web.Response:
        self.handshakes += 1
        card = Handshake(service=self.service, wire=self.wire, release="1", model="stub", weights="none")
        return web.json_response(card.model_dump())

    async def _enhance(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        return await self.behave(request)


@pytest.fixture
async def workers() -> AsyncIterator[list[StubWorker]]:
    """Three workers that are up."""
    async with AsyncExitStack() as stack:
        made = [StubWorker() for _ in range(3)]
        for worker in made:
            await worker.start()
            stack.push_async_callback(worker.stop)
        yield made


@asynccontextmanager
async def pooled(
    workers: Sequence[StubWorker], *, poll_interval_s: float = 0.05, queue_wait_s: float = 5.0, **spec: Any
) -> AsyncIterator[WorkerPool]:
    """A started pool with short times."""
    defaults = {"max_in_flight": 4, "timeout_s": 5, "eject_after": 3, "probe_after_s": 0.2}
    made = PoolSpec(endpoints=tuple(worker.url for worker in workers), **{**defaults, **spec})
    async with open_session() as session:
        pool = WorkerPool(
            "enhance",
            made,
            session,
            service="enhance",
            poll_interval_s=poll_interval_s,
            queue_wait_s=queue_wait_s,
        )
        await pool.start()
        try:
            yield pool
        finally:
            await pool.close()


async def call(pool: WorkerPool, body: bytes = b"picture") -> WorkerReply:
    return await pool.call("/enhance", query={"force": "false"}, body=body, headers={"X-Test": "1"})


def states(pool: WorkerPool) -> list[str]:
    return [endpoint.state for endpoint in pool.state()]


async def until(condition: Callable[[], bool], timeout_s: float = 10.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not condition():
            await asyncio.sleep(0.01)


async def test_a_call_posts_the_body_and_returns_the_reply(workers: list[StubWorker]) -> None:
    async with pooled(workers[:1]) as pool:
        reply = await call(pool, b"bytes")

        assert (reply.status, reply.body, reply.endpoint) == (200, b"bytes", workers[0].url)
        request = workers[0].requests[0]
        assert (request.path_qs, request.headers["X-Test"]) == ("/enhance?force=false", "1")
        assert pool.state() == (EndpointState(workers[0].url, "ready", 0, 0, "stub"),)


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


_WORKER_PROCESS = """
import asyncio, sys
from aiohttp import web

async def enhance(request):
    print("got", flush=True)
    await asyncio.sleep(60)

async def handshake(request):
    card = {"service": "enhance", "wire": sys.argv[1], "release": "1", "model": "m", "weights": "none"}
    return web.json_response(card)

async def main():
    app = web.Application()
    app.router.add_get("/readyz", lambda request: asyncio.sleep(0, web.Response()))
    app.router.add_get("/handshake", handshake)
    app.router.add_post("/enhance", enhance)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.sleep(3600)

asyncio.run(main())
"""


async def test_a_worker_process_that_is_killed_mid_request_fails_over(workers: list[StubWorker]) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _WORKER_PROCESS, WIRE_VERSION, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        victim = StubWorker()
        victim.port = int(await process.stdout.readline())
        async with pooled([victim, workers[0]], poll_interval_s=60) as pool:
            caught_in_it = asyncio.create_task(call(pool))
            assert await process.stdout.readline() == b"got\n"
            process.send_signal(signal.SIGKILL)

            assert (await caught_in_it).endpoint == workers[0].url
            await until(lambda: states(pool) == ["unready", "ready"])
    finally:
        if process.returncode is None and process.pid:
            process.kill()
        await process.wait()


CONTENT = ContentReply(phash="0123456789abcdef", width=10, height=20, format="png")
ENHANCED = EnhanceReply(
    content=CONTENT, width=20, height=40, format="jpeg", scale=2.0, model="m", recipe="fedcba9876543210"
)
JPEG = b"\xff\xd8\xff\xe0 picture"
KNOWN = Content(sha256="a" * 64, phash=CONTENT.phash, width=10, height=20, format="png", bytes=6)


def replies(body: bytes, result: str | None) -> Behaviour:
    async def behave(request: web.Request) -> web.Response:
        return web.Response(body=body, headers={} if result is None else {RESULT_HEADER: result})

    return behave


async def enhance(pool: WorkerPool) -> EnhancedPicture | SkippedPicture:
    return await EnhanceClient(pool).enhance(b"source", image_type="face", force=True, sha256="a" * 64)


async def test_an_enhanced_picture_comes_as_the_stages_value(workers: list[StubWorker]) -> None:
    workers[0].behave = replies(JPEG, ENHANCED.model_dump_json())
    async with pooled(workers[:1]) as pool:
        assert await enhance(pool) == EnhancedPicture(JPEG, "jpeg", 20, 40, 2.0, "m", "fedcba9876543210", KNOWN)

    assert workers[0].requests[0].query_string == "image_type=face&force=true"


async def test_a_skipped_picture_comes_as_the_stages_value(workers: list[StubWorker]) -> None:
    workers[0].behave = replies(b"", EnhanceReply(content=CONTENT, skipped="large enough").model_dump_json())
    async with pooled(workers[:1]) as pool:
        assert await enhance(pool) == SkippedPicture("large enough", KNOWN)


@pytest.mark.parametrize(
    ("body", "result"),
    [
        (JPEG, None),
        (JPEG, "{"),
        (JPEG, "{}"),
        (b"", ENHANCED.model_dump_json()),
        (b"<html>", ENHANCED.model_dump_json()),
        (JPEG, ENHANCED.model_copy(update={"format": "webp"}).model_dump_json()),
        (JPEG, ENHANCED.model_copy(update={"width": 0}).model_dump_json()),
        (JPEG, ENHANCED.model_copy(update={"scale": 0.0}).model_dump_json()),
        (JPEG, ENHANCED.model_copy(update={"recipe": "../../x"}).model_dump_json()),
        (JPEG, ENHANCED.model_copy(update={"model": ""}).model_dump_json()),
        (JPEG, ENHANCED.model_copy(update={"skipped": "why"}).model_dump_json()),
        (b"", ENHANCED.model_copy(update={"skipped": ""}).model_dump_json()),
        (JPEG, ENHANCED.model_copy(update={"content": CONTENT.model_copy(update={"height": 0})}).model_dump_json()),
        (JPEG, ENHANCED.model_copy(update={"content": CONTENT.model_copy(update={"phash": "?"})}).model_dump_json()),
    ],
)
async def test_a_reply_that_breaks_the_contract_costs_an_attempt(
    workers: list[StubWorker], body: bytes, result: str | None
) -> None:
    workers[0].behave = replies(body, result)
    async with pooled(workers[:1]) as pool:
        with pytest.raises(JobFailed) as caught:
            await enhance(pool)

    assert caught.value.reason.code == "bad_worker_reply"

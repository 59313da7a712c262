"""The worker pool and an endpoint that answers nothing at all: no connection ends, nothing comes back."""

import time

import aiohttp
import pytest

from orchestrator.clients.workers import endpoint
from orchestrator.domain.errors import JobFailed, Unavailable
from tests.kit.faultproxy import FaultProxy
from tests.kit.polling import until
from tests.kit.pool import StubWorker, call, pooled, states


@pytest.fixture(autouse=True)
def short_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint, "LOOK_TIMEOUT", aiohttp.ClientTimeout(total=0.1))


async def test_behind_a_black_hole_calls_wait_and_only_what_was_in_flight_costs_an_attempt(
    workers: list[StubWorker],
) -> None:
    async with FaultProxy(workers[0].port) as proxy:
        through_proxy = StubWorker()
        through_proxy.port = proxy.port
        async with pooled([through_proxy], timeout_s=0.3) as pool:
            assert (await call(pool)).status == 200
            await proxy.black_hole()
            with pytest.raises(JobFailed, match="worker_timeout"):
                await call(pool)
            await until(lambda: states(pool) == ["unready"])
            for _ in range(3):
                began = time.monotonic()
                with pytest.raises(Unavailable):
                    await call(pool)
                assert time.monotonic() - began < 0.25  # nothing was sent

            await proxy.pass_through()
            await until(lambda: states(pool) == ["ready"])
            assert (await call(pool)).status == 200


async def test_a_worker_that_answers_late_a_few_times_stays_in_use(workers: list[StubWorker]) -> None:
    late = endpoint.Endpoint("http://127.0.0.1:1")
    late.ready = True
    async with FaultProxy(workers[0].port) as proxy:
        late.url = f"http://127.0.0.1:{proxy.port}"
        async with aiohttp.ClientSession() as session:
            await late.look(session, "enhance")
            for _ in range(2):
                await proxy.black_hole()
                for _ in range(endpoint.SILENT_AFTER - 1):
                    await late.look(session, "enhance")
                    assert late.in_use
                await proxy.pass_through()
                await late.look(session, "enhance")
            assert late.in_use

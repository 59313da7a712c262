"""The enhance worker at its limits: not ready, full, sent too much, or left with a picture that goes wrong."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp

from tests.kit.image_files import encoded, picture
from tests.kit.worker import Worker
from tests.kit.worker_client import Client, photo, slow_picture
from workers.wire import (
    ENHANCE_PATH,
    LIVE_PATH,
    READY_PATH,
)


async def test_it_is_alive_before_it_is_ready_and_refuses_work_until_then(
    tmp_path: Path, session: aiohttp.ClientSession
) -> None:
    with Worker(tmp_path, "--decoders", "2") as worker:
        client = Client(session, worker.url)
        assert (await client.get(READY_PATH))[0] == 503
        status, reply, _ = await client.enhance(photo())
        assert (status, reply.code) == (503, "loading")  # type: ignore[union-attr]
        assert (await client.get(LIVE_PATH))[0] == 200
        await client.until(READY_PATH, 200)
        assert (await client.enhance(photo()))[0] == 200


async def test_a_full_queue_answers_503_with_retry_after(tmp_path: Path, session: aiohttp.ClientSession) -> None:
    with Worker(tmp_path, "--decoders", "1", "--max-queue", "2") as worker:
        client = Client(session, worker.url)
        await client.until(READY_PATH, 200)
        accepted = [asyncio.create_task(client.enhance(slow_picture())) for _ in range(2)]
        await client.until_in_flight(2)
        status, reply, _ = await client.enhance(photo())
        assert (status, reply.code) == (503, "full")  # type: ignore[union-attr]
        assert [answer[0] for answer in await asyncio.gather(*accepted)] == [200, 200]
        assert (await client.enhance(photo()))[0] == 200


async def test_too_many_bytes_are_413(tmp_path: Path, session: aiohttp.ClientSession) -> None:
    with Worker(tmp_path, "--decoders", "1", "--max-body-mib", "0.1") as worker:
        client = Client(session, worker.url)
        await client.until(READY_PATH, 200)
        status, reply, _ = await client.enhance(photo())
        assert (status, reply.code) == (413, "too_large")  # type: ignore[union-attr]

        async def chunks() -> AsyncIterator[bytes]:
            for _ in range(8):
                yield bytes(16 * 1024)

        async with session.post(worker.url + ENHANCE_PATH, data=chunks()) as response:
            assert (response.status, (await response.json())["code"]) == (413, "too_large")


async def test_a_decoder_that_is_killed_by_accident_costs_no_picture(
    tmp_path: Path, session: aiohttp.ClientSession
) -> None:
    with Worker(tmp_path, "--decoders", "1") as worker:
        client = Client(session, worker.url)
        await client.until(READY_PATH, 200)
        (decoder,) = worker.decoders()
        before = decoder.cpu_times().user
        work = asyncio.create_task(client.enhance(slow_picture()))
        while decoder.cpu_times().user < before + 0.05:
            await asyncio.sleep(0.005)
        decoder.kill()
        assert (await work)[0] == 200
        assert await client.metric("decoder_restarts_total") == 1
        (fresh,) = worker.decoders()
        fresh.kill()
        assert (await client.enhance(photo()))[0] == 200  # nobody had given it work, so nobody sees it


async def test_a_picture_that_outlasts_its_time_is_refused_and_the_next_works(
    tmp_path: Path, session: aiohttp.ClientSession
) -> None:
    with Worker(tmp_path, "--decoders", "1", "--decode-timeout-s", "1") as worker:
        client = Client(session, worker.url)
        await client.until(READY_PATH, 200)
        status, reply, _ = await client.enhance(slow_picture(6300))
        assert (status, reply.code) == (422, "decode_timeout")  # type: ignore[union-attr]
        assert (await client.served(encoded(picture(), "PNG")))[0] == 200


async def test_a_caller_that_goes_away_frees_its_place(tmp_path: Path, session: aiohttp.ClientSession) -> None:
    with Worker(tmp_path, "--decoders", "1") as worker:
        client = Client(session, worker.url)
        await client.until(READY_PATH, 200)
        calls = [asyncio.create_task(client.enhance(slow_picture(), "?force=1")) for _ in range(3)]
        await client.until_in_flight(3)
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        async with asyncio.timeout(20):
            while await client.metric("in_flight"):
                await asyncio.sleep(0.01)
        assert await client.metric('requests_total{code="client_gone"') == 3
        assert (await client.enhance(photo()))[0] == 200

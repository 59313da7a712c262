"""A worker whose model takes long to load: what it says meanwhile, and how it ends."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from json import loads

import aiohttp
import pytest

from tests.kit.vector_client import VectorClient
from workers.wire import READY_PATH, WIRE_VERSION, ErrorReply, Handshake

SLOW = """
import sys, time
from workers.server.batching import BatchLimits
from workers.server.lifecycle import serve_and_exit
from workers.server.metrics import Metrics
from workers.server.lifecycle import RunOptions
from workers.text.service import TextOptions, TextService

metrics = Metrics()
service = TextService(TextOptions("slow", BatchLimits()), lambda: time.sleep(600), metrics)
serve_and_exit(service, metrics, RunOptions(parent_pid=int(sys.argv[1])))
"""


@pytest.fixture
async def loading() -> AsyncIterator[tuple[asyncio.subprocess.Process, VectorClient]]:
    """The process of a worker that will be loading for ten minutes, and its client."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SLOW, str(os.getpid()), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert process.stdout is not None
    try:
        url = loads(await process.stdout.readline())["listening"]
        async with aiohttp.ClientSession() as session:
            yield process, VectorClient(session, url)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def test_a_worker_that_loads_says_who_it_will_be_and_takes_no_work(
    loading: tuple[asyncio.subprocess.Process, VectorClient],
) -> None:
    _, client = loading
    card = Handshake(service="text", wire=WIRE_VERSION, release="", model="slow", weights="", space="")
    assert (await client.handshake()).model_copy(update={"release": ""}) == card
    status, answer = await client.get(READY_PATH)
    assert (status, ErrorReply.model_validate_json(answer).code) == (503, "loading")
    status, reply, _ = await client.post_encode(b'{"texts": ["a shop"]}')
    assert isinstance(reply, ErrorReply) and (status, reply.code) == (503, "loading")


async def test_a_signal_ends_a_worker_that_loads_without_waiting_for_its_model(
    loading: tuple[asyncio.subprocess.Process, VectorClient],
) -> None:
    process, client = loading
    assert (await client.get(READY_PATH))[0] == 503
    process.terminate()
    async with asyncio.timeout(20):
        assert await process.wait() == 0

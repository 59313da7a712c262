"""The end of an enhance worker: told by a signal, cut off, or with its parent."""

import asyncio
import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import aiohttp
import psutil
import pytest
from PIL import Image

from tests.kit.process import wait_until
from tests.kit.worker import Worker
from tests.kit.worker_client import Client, photo, slow_picture
from workers.wire import (
    READY_PATH,
)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_lets_work_in_progress_finish_refuses_more_and_exits_0(
    tmp_path: Path, session: aiohttp.ClientSession, number: int
) -> None:
    with Worker(tmp_path, "--decoders", "1") as worker:
        client = Client(session, worker.url)
        await client.until(READY_PATH, 200)
        decoders = worker.decoders()
        work = asyncio.create_task(client.enhance(slow_picture(), "?force=true"))
        await client.until_in_flight(1)
        worker.process.send_signal(number)
        await client.until(READY_PATH, 503)
        status, reply, _ = await client.enhance(photo())
        assert (status, reply.code) == (503, "draining")  # type: ignore[union-attr]
        status, reply, body = await work
        assert (status, Image.open(io.BytesIO(body)).size) == (200, (3000, 3000))
        assert await asyncio.to_thread(worker.process.wait, 20) == 0
        wait_until(lambda: not any(decoder.is_running() for decoder in decoders), 10, "the decoders to end")


async def test_work_that_outlasts_the_drain_is_cut_off_and_the_exit_code_says_so(
    tmp_path: Path, session: aiohttp.ClientSession
) -> None:
    with Worker(tmp_path, "--decoders", "1", "--drain-s", "0.1") as worker:
        client = Client(session, worker.url)
        await client.until(READY_PATH, 200)
        work = asyncio.gather(*(client.enhance(slow_picture(), "?force=1") for _ in range(4)), return_exceptions=True)
        await client.until_in_flight(4)
        worker.process.terminate()
        assert await asyncio.to_thread(worker.process.wait, 20) == 1
        await work


async def test_the_death_of_its_parent_ends_worker_and_decoders(tmp_path: Path) -> None:
    script = (
        "import os, subprocess, sys, time\n"
        "command = [sys.executable, '-m', 'workers.enhance', '--port', '0', '--decoders', '2']\n"
        "subprocess.Popen([*command, '--parent-pid', str(os.getpid())], stdout=1, stderr=subprocess.DEVNULL)\n"
        "time.sleep(600)\n"
    )
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", script, stdout=subprocess.PIPE, cwd=os.getcwd())
    assert parent.stdout is not None
    url = json.loads(await parent.stdout.readline())["listening"]
    async with aiohttp.ClientSession() as session:
        await Client(session, url).until(READY_PATH, 200)
    family = psutil.Process(parent.pid).children(recursive=True)
    assert len(family) >= 3
    parent.kill()
    await parent.wait()
    wait_until(lambda: not any(_runs(member) for member in family), 10, "the family to end")


def _runs(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE

"""The worker pool and a worker process that is killed."""

import asyncio
import signal
import sys

from tests.kit.polling import until
from tests.kit.pool import StubWorker, call, pooled, states
from workers.wire import WIRE_VERSION

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

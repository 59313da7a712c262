"""A worker that answers at once, so that a benchmark measures the orchestrator and not the worker."""

import asyncio
import json

from aiohttp import web

from workers.wire import ENHANCE_PATH, HANDSHAKE_PATH, READY_PATH, RESULT_HEADER, WIRE_VERSION

HANDSHAKE = {"service": "enhance", "wire": WIRE_VERSION, "release": "0", "model": "stub", "weights": "none"}
RESULT = {"content": {"phash": "0" * 16, "width": 1, "height": 1, "format": "jpeg"}, "skipped": "stub"}


async def _handshake(_: web.Request) -> web.Response:
    return web.json_response(HANDSHAKE)


async def _ready(_: web.Request) -> web.Response:
    return web.Response()


async def _enhance(request: web.Request) -> web.Response:
    await request.read()
    return web.Response(headers={RESULT_HEADER: json.dumps(RESULT)})


async def main() -> None:
    """Serve on a free port, and say which."""
    app = web.Application()
    app.add_routes([web.get(HANDSHAKE_PATH, _handshake), web.get(READY_PATH, _ready), web.post(ENHANCE_PATH, _enhance)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(json.dumps({"listening": f"http://127.0.0.1:{runner.addresses[0][1]}"}), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())

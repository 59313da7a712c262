"""/livez, /readyz and /metrics of the orchestrator. Readiness is what broker and consumers say at that moment."""

import socket
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether the process does its work now; ``detail`` says what is missing."""

    ready: bool
    detail: Mapping[str, Any]


async def serve_health(
    listener: socket.socket, registry: CollectorRegistry, readiness: Callable[[], Awaitable[Readiness]]
) -> web.AppRunner:
    """Serve the three paths on ``listener``. Returns the runner, for cleanup."""

    async def livez(_: web.Request) -> web.Response:
        return web.json_response({"live": True})

    async def readyz(_: web.Request) -> web.Response:
        state = await readiness()
        return web.json_response({"ready": state.ready, **state.detail}, status=200 if state.ready else 503)

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    app = web.Application()
    app.add_routes([web.get("/livez", livez), web.get("/readyz", readyz), web.get("/metrics", metrics)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.SockSite(runner, listener).start()
    return runner

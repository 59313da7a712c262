"""Workers in this process whose behaviour is set from outside, and a pool with short times over them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from orchestrator.clients.http import open_session
from orchestrator.clients.workers.exchange import WorkerRequest
from orchestrator.clients.workers.pool import WorkerPool
from orchestrator.clients.workers.replies import WorkerReply
from orchestrator.config import PoolSpec
from workers.wire import WIRE_VERSION, ErrorReply, Handshake

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
        self.canaries = 0
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
        if "canary" in request.query:
            self.canaries += 1
        else:
            self.requests.append(request)
        return await self.behave(request)


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
            canary=canary,
            poll_interval_s=poll_interval_s,
            queue_wait_s=queue_wait_s,
        )
        await pool.start()
        try:
            yield pool
        finally:
            await pool.close()


def canary() -> WorkerRequest[WorkerReply]:
    return WorkerRequest("/enhance", {"canary": "1"}, b"canary", {}, as_it_came)


def as_it_came(reply: WorkerReply) -> WorkerReply:
    return reply


async def call(pool: WorkerPool, body: bytes = b"picture") -> WorkerReply:
    return await pool.call("/enhance", query={"force": "false"}, body=body, headers={"X-Test": "1"}, read=as_it_came)


def states(pool: WorkerPool) -> list[str]:
    return [endpoint.state for endpoint in pool.state()]

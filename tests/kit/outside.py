"""The world outside a deployment: a server that has the pictures, and a CDN that counts the purges."""

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Self

from aiohttp import web

from tests.kit.ports import free_port


@dataclass(slots=True)
class Source:
    """What is served under one path. The first ``failures`` requests are answered with 500.

    ``asked_at`` are the times of all requests, in seconds of the monotonic clock.
    """

    body: bytes
    failures: int = 0
    asked_at: list[float] = field(default_factory=list)


class Outside:
    """``async with Outside() as outside``: pictures under ``url_of(path)``, purges counted per URL."""

    def __init__(self) -> None:
        self.port = free_port()
        self.sources: dict[str, Source] = {}
        self.purges: Counter[str] = Counter()
        self.source_delay_s = 0.0
        self.purge_status = 200
        self._runner: web.AppRunner | None = None

    @property
    def purge_url(self) -> str:
        """What JUSTLENS_CDN_PURGE_URL has to be."""
        return f"http://127.0.0.1:{self.port}/purge"

    def url_of(self, path: str) -> str:
        """The URL of the picture under ``path``."""
        return f"http://127.0.0.1:{self.port}/pictures/{path}"

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.add_routes([web.get("/pictures/{path}", self._picture), web.post("/purge", self._purge)])
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _picture(self, request: web.Request) -> web.Response:
        source = self.sources.get(request.match_info["path"])
        if source is None:
            return web.Response(status=404)
        source.asked_at.append(time.monotonic())
        refused = len(source.asked_at) <= source.failures
        await asyncio.sleep(self.source_delay_s)
        if refused:
            return web.Response(status=500)
        return web.Response(body=source.body, content_type="image/png")

    async def _purge(self, request: web.Request) -> web.Response:
        if self.purge_status == 200:
            self.purges[(await request.json())["url"]] += 1
        return web.Response(status=self.purge_status)

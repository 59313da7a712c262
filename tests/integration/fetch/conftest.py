"""A well-behaved site on loopback, and a fetcher that may reach it."""

import gzip
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from orchestrator.clients.fetch.fetcher import SafeFetcher
from tests.kit.fetching import fetching


async def _echo(request: web.Request) -> web.Response:
    return web.json_response({**request.headers, "path": request.path_qs})


async def _status(request: web.Request) -> web.Response:
    return web.Response(status=int(request.match_info["status"]), body=b"" if request.query else b"sorry")


async def _redirects(request: web.Request) -> web.Response:
    left = int(request.match_info["left"])
    target = f"/redirects/{left - 1}" if left > 1 else "/picture"
    return web.Response(status=302, headers={"Location": target})


async def _location(request: web.Request) -> web.Response:
    return web.Response(status=307, headers={"Location": request.query["to"]})


async def _body(request: web.Request) -> web.Response:
    return web.Response(body=b"x" * int(request.query["n"]), content_type="image/webp")


async def _gzip(request: web.Request) -> web.Response:
    return web.Response(body=gzip.compress(b"x" * 10**6), headers={"Content-Encoding": "gzip"})


async def _picture(request: web.Request) -> web.Response:
    return web.Response(body=b"\xff\xd8\xff picture", content_type="image/jpeg")


@pytest.fixture
async def site() -> AsyncIterator[str]:
    """A well-behaved site."""
    app = web.Application()
    app.add_routes(
        [
            web.get("/picture", _picture),
            web.get("/echo", _echo),
            web.get("/status/{status}", _status),
            web.get("/redirects/{left}", _redirects),
            web.get("/location", _location),
            web.get("/body", _body),
            web.get("/gzip", _gzip),
        ]
    )
    runner = web.AppRunner(app)
    await runner.setup()
    web_site = web.TCPSite(runner, "127.0.0.1", 0)
    await web_site.start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


@pytest.fixture
async def fetcher() -> AsyncIterator[SafeFetcher]:
    async with fetching() as made:
        yield made

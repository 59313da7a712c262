"""RabbitMQ's management API when it is not at its best: a real HTTP server in its place."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from orchestrator.domain.errors import Unavailable
from orchestrator.runtime.rabbitmq.management import Management


@asynccontextmanager
async def management(answer: Callable[[int], web.Response]) -> AsyncIterator[tuple[Management, list[str]]]:
    """The client, and the paths it asked for. ``answer`` is given how many requests there were before."""
    asked: list[str] = []

    async def handle(request: web.Request) -> web.Response:
        asked.append(request.path)
        return answer(len(asked) - 1)

    app = web.Application()
    app.router.add_get("/{path:.*}", handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    client = Management([f"http://u:hunter2@127.0.0.1:{runner.addresses[0][1]}"], "/", timeout_s=10)
    try:
        yield client, asked
    finally:
        await client.close()
        await runner.cleanup()


async def test_a_passing_500_is_asked_again() -> None:
    async with management(lambda n: web.json_response([], status=500 if n < 2 else 200)) as (client, asked):
        assert await client.queues() == []
        assert len(asked) == 3


async def test_a_lasting_500_is_said_after_a_few_tries() -> None:
    async with management(lambda _: web.json_response({}, status=500)) as (client, asked):
        with pytest.raises(Unavailable, match="status 500") as away:
            await client.policies()
        assert len(asked) == 4 and "hunter2" not in str(away.value)


async def test_a_refusal_is_not_asked_again_and_names_the_remedy() -> None:
    async with management(lambda _: web.json_response({}, status=401)) as (client, asked):
        with pytest.raises(Unavailable, match="give it the tag administrator"):
            await client.feature_flags()
        assert len(asked) == 1


async def test_an_answer_that_is_no_json_is_unavailable() -> None:
    async with management(lambda _: web.Response(text="<html>")) as (client, _):
        with pytest.raises(Unavailable):
            await client.exchanges()

"""A client asks for the vector of a short text once, and for as long as the space stays what it was."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import numpy as np
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from orchestrator.clients.workers.text import TextClient
from orchestrator.domain.errors import Unavailable
from tests.kit.vector_client import pool_over
from workers.wire import (
    ENCODE_PATH,
    HANDSHAKE_PATH,
    READY_PATH,
    RESULT_HEADER,
    VECTOR_MEDIA_TYPE,
    WIRE_VERSION,
    EncodeReply,
    EncodeRequest,
    Handshake,
)


@dataclass
class Encoder:
    """A text worker whose model can be changed behind its back: ``said`` goes into the handshake, ``space`` is true."""

    said: str = "text/one@1"
    space: str = "text/one@1"
    asked: list[list[str]] = field(default_factory=list)

    async def handshake(self, _: web.Request) -> web.Response:
        card = Handshake(service="text", wire=WIRE_VERSION, release="1", model="one", weights="none", space=self.said)
        return web.json_response(card.model_dump())

    async def encode(self, request: web.Request) -> web.Response:
        texts = EncodeRequest.model_validate_json(await request.read()).texts
        self.asked.append(texts)
        result = EncodeReply(count=len(texts), dimension=2, model="one", space=self.space)
        turns = [len(text) + (10 if self.space.endswith("2") else 0) for text in texts]
        rows = np.array([[np.cos(turn), np.sin(turn)] for turn in turns], "<f4")
        headers = {RESULT_HEADER: result.model_dump_json(), "Content-Type": VECTOR_MEDIA_TYPE}
        return web.Response(body=rows.tobytes(), headers=headers)

    def app(self) -> web.Application:
        """The service."""
        app = web.Application()
        app.router.add_get(HANDSHAKE_PATH, self.handshake)
        app.router.add_get(READY_PATH, _ready)
        app.router.add_post(ENCODE_PATH, self.encode)
        return app


async def _ready(_: web.Request) -> web.Response:
    return web.Response()


@pytest.fixture
def encoder() -> Encoder:
    return Encoder()


@pytest.fixture
async def client(encoder: Encoder) -> AsyncIterator[TextClient]:
    async with TestServer(encoder.app()) as server, pool_over("text", [str(server.make_url(""))]) as pool:
        yield TextClient(pool)


async def test_a_short_text_is_asked_for_once_and_keeps_its_place(client: TextClient, encoder: Encoder) -> None:
    shop, store, again = await client.encode(["shop", "stores", "shop"])
    assert shop == again != store and encoder.asked == [["shop", "stores"]]
    assert await client.encode(["new one", "shop"]) == (*await client.encode(["new one"]), shop)
    assert encoder.asked == [["shop", "stores"], ["new one"]]


async def test_a_description_is_asked_for_each_time(client: TextClient, encoder: Encoder) -> None:
    long = "a description " * 50
    assert await client.encode([long]) == await client.encode([long])
    assert encoder.asked == [[long], [long]]


async def test_after_a_change_of_the_model_nothing_remembered_is_mixed_in(client: TextClient, encoder: Encoder) -> None:
    before = await client.encode(["shop", "stores"])
    encoder.space = "text/one@2"
    answer = await client.encode(["shop", "new one"])
    assert {vector.space for vector in answer} == {"text/one@2"} and answer[0] != before[0]
    assert encoder.asked[1:] == [["new one"], ["shop", "new one"]]


async def test_a_worker_that_names_no_space_is_asked_every_time(encoder: Encoder) -> None:
    encoder.said = ""
    async with TestServer(encoder.app()) as server, pool_over("text", [str(server.make_url(""))]) as pool:
        client = TextClient(pool)
        assert await client.encode(["shop"]) == await client.encode(["shop"])
        assert encoder.asked == [["shop"], ["shop"]]
        with pytest.raises(Unavailable):
            await client.space()

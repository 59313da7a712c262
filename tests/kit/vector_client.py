"""A client of one clip or text worker, and a pool over several."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import aiohttp
import numpy as np
from numpy.typing import NDArray

from orchestrator.clients.canaries.canary import canary_for
from orchestrator.clients.http import open_session
from orchestrator.clients.workers.pool import WorkerPool
from orchestrator.config import PoolSpec
from tests.kit.worker_client import Client
from workers.wire import (
    ENCODE_PATH,
    HANDSHAKE_PATH,
    RESULT_HEADER,
    TAG_PATH,
    VECTOR_MEDIA_TYPE,
    EncodeReply,
    ErrorReply,
    Handshake,
    TagReply,
)

Numbers = NDArray[np.float32]
NONE = np.empty(0, np.float32)


class VectorClient(Client):
    """Talks to one worker that makes vectors."""

    async def handshake(self) -> Handshake:
        return Handshake.model_validate_json((await self.get(HANDSHAKE_PATH))[1])

    async def tag(self, body: bytes) -> tuple[int, TagReply | ErrorReply, Numbers]:
        async with self.session.post(self.url + TAG_PATH, data=body) as response:
            answer = await response.read()
            if response.status != 200:
                return response.status, ErrorReply.model_validate_json(answer), NONE
            reply = TagReply.model_validate_json(response.headers[RESULT_HEADER])
            return 200, reply, _numbers(response, answer)

    async def tagged(self, body: bytes) -> tuple[TagReply, Numbers]:
        _, reply, vector = await self.tag(body)
        assert isinstance(reply, TagReply), reply
        return reply, vector

    async def post_encode(self, body: bytes) -> tuple[int, EncodeReply | ErrorReply, Numbers]:
        async with self.session.post(self.url + ENCODE_PATH, data=body) as response:
            answer = await response.read()
            if response.status != 200:
                return response.status, ErrorReply.model_validate_json(answer), NONE
            reply = EncodeReply.model_validate_json(response.headers[RESULT_HEADER])
            return 200, reply, _numbers(response, answer).reshape(reply.count, reply.dimension)

    async def encode(self, *texts: str) -> tuple[EncodeReply, Numbers]:
        _, reply, rows = await self.post_encode(json.dumps({"texts": texts}).encode())
        assert isinstance(reply, EncodeReply), reply
        return reply, rows


def _numbers(response: aiohttp.ClientResponse, body: bytes) -> Numbers:
    assert response.content_type == VECTOR_MEDIA_TYPE
    return np.frombuffer(body, "<f4")


@asynccontextmanager
async def pool_over(service: str, urls: Sequence[str]) -> AsyncIterator[WorkerPool]:
    """A started pool of ``service``."""
    spec = PoolSpec(endpoints=tuple(urls), max_in_flight=4, timeout_s=30, eject_after=3, probe_after_s=0.2)
    async with open_session() as session:
        pool = WorkerPool(
            service, spec, session, service=service, canary=lambda: canary_for(service), poll_interval_s=0.05
        )
        await pool.start()
        try:
            yield pool
        finally:
            await pool.close()

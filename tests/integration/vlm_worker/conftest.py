"""A worker with the dummy model in a process of its own, which no test changes, and its client."""

import io
import json
from collections.abc import Iterator, Mapping
from typing import Any

import aiohttp
import pytest

from tests.kit.worker import Worker
from tests.kit.worker_client import Client
from workers.wire import GENERATE_PATH, READY_PATH, RESULT_HEADER, ErrorReply, GenerateReply


class VlmClient(Client):
    """Asks one worker."""

    async def post(self, body: bytes) -> tuple[int, GenerateReply | ErrorReply, bytes]:
        async with self.session.post(self.url + GENERATE_PATH, data=io.BytesIO(body)) as response:
            answer = await response.read()
            if response.status == 200:
                return 200, GenerateReply.model_validate_json(response.headers[RESULT_HEADER]), answer
            return response.status, ErrorReply.model_validate_json(answer), b""

    async def ask(
        self, picture: bytes, schema: Mapping[str, Any], prompt: str = "Describe this."
    ) -> tuple[int, GenerateReply | ErrorReply, bytes]:
        return await self.post(question(prompt=prompt, answer_schema=schema) + b"\n" + picture)


def question(**fields: object) -> bytes:
    """The first line of a request, without its end."""
    return json.dumps(fields).encode()


@pytest.fixture(scope="package")
def shared_worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    with Worker(tmp_path_factory.mktemp("worker"), "--decoders", "2", family="vlm") as worker:
        yield worker


@pytest.fixture
async def client(shared_worker: Worker, session: aiohttp.ClientSession) -> VlmClient:
    client = VlmClient(session, shared_worker.url)
    await client.until(READY_PATH, 200)
    return client

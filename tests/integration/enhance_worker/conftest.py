"""An enhance worker in a process of its own, which no test changes, and its client."""

from collections.abc import Iterator

import aiohttp
import pytest

from tests.kit.worker import Worker
from tests.kit.worker_client import Client
from workers.wire import READY_PATH


@pytest.fixture(scope="package")
def shared_worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    with Worker(tmp_path_factory.mktemp("worker"), "--decoders", "2") as worker:
        yield worker


@pytest.fixture
async def client(shared_worker: Worker, session: aiohttp.ClientSession) -> Client:
    client = Client(session, shared_worker.url)
    await client.until(READY_PATH, 200)
    return client

"""Text workers as real processes, for which every way out of the machine is closed."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import pytest

from tests.kit.vector_client import VectorClient
from tests.kit.worker import Worker
from workers.wire import READY_PATH

UNREACHABLE = "http://127.0.0.1:9"
OPTIONS = ("--threads", "1", "--device", "cpu", "--batch-wait-ms", "50")


def start(folder: Path, *arguments: str) -> Worker:
    """A text worker without a network and without a cache to fall back on."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "HF_ENDPOINT"):
            patch.setenv(name, UNREACHABLE)
        patch.setenv("HF_HOME", str(folder / "empty"))
        patch.delenv("HF_HUB_OFFLINE", raising=False)
        return Worker(folder, *OPTIONS, *arguments, family="text")


async def until_ready(client: VectorClient) -> None:
    """Return when the model is loaded."""
    async with asyncio.timeout(120):
        while (await client.get(READY_PATH))[0] != 200:
            await asyncio.sleep(0.05)


@pytest.fixture(scope="package")
def built_in(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    """The worker as it starts without options of its own."""
    with start(tmp_path_factory.mktemp("text")) as worker:
        yield worker


@pytest.fixture
async def client(built_in: Worker) -> AsyncIterator[VectorClient]:
    """Talks to ``built_in``."""
    async with aiohttp.ClientSession() as session:
        client = VectorClient(session, built_in.url)
        await until_ready(client)
        yield client

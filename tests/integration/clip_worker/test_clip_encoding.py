"""POST /encode, as every worker answers it; asked of the one that starts fastest."""

import json

import numpy as np
import pytest

from orchestrator.clients.workers.text import TextClient
from orchestrator.domain.errors import JobRefused
from tests.kit.vector_client import VectorClient, pool_over
from workers.wire import MAX_TEXT_CHARS, MAX_TEXTS, ErrorReply


async def test_texts_get_unit_vectors_in_order_and_the_same_ones_every_time(client: VectorClient) -> None:
    reply, rows = await client.encode("red shoes", "a shop", "red shoes")
    assert (reply.count, reply.dimension, reply.model, reply.space) == (3, 64, "dummy", "clip/dummy-1")
    assert np.allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-6)
    assert rows[0].tobytes() == rows[2].tobytes() != rows[1].tobytes()
    assert (await client.encode("red shoes"))[1][0].tobytes() == rows[0].tobytes()


async def test_texts_that_share_words_lie_closer(client: VectorClient) -> None:
    _, (one, near, far) = await client.encode("red leather shoes", "Leather SHOES, red!", "a dental practice")
    assert one @ near > 0.999 > 0.6 > one @ far


@pytest.mark.parametrize("text", ["", " \n", "…", "\0", "ß" * MAX_TEXT_CHARS, "ಅಂಗಡಿ 店 🏪"])
async def test_every_text_has_a_vector(client: VectorClient, text: str) -> None:
    _, rows = await client.encode(text, "")
    assert rows.shape == (2, 64) and np.allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-6)


async def test_no_texts_get_no_vectors(client: VectorClient) -> None:
    reply, rows = await client.encode()
    assert (reply.count, reply.dimension, rows.shape) == (0, 64, (0, 64))


@pytest.mark.parametrize(
    ("body", "status", "code", "field"),
    [
        (b"", 422, "empty", "body"),
        (b"{", 400, "bad_request", "body"),
        (b"[]", 400, "bad_request", "body"),
        (b"{}", 400, "bad_request", "texts"),
        (b'{"texts": "one"}', 400, "bad_request", "texts"),
        (b'{"texts": ["SECRET", 7]}', 400, "bad_request", "texts.1"),
        (b'{"texts": ["\xff\xfe SECRET"]}', 400, "bad_request", "body"),
        (b'{"texts": ["\\ud800 SECRET"]}', 400, "bad_request", "body"),
        (json.dumps({"texts": ["x"] * (MAX_TEXTS + 1)}).encode(), 413, "too_many_texts", "texts"),
        (json.dumps({"texts": ["", "SECRET" * MAX_TEXT_CHARS]}).encode(), 413, "text_too_long", "texts.1"),
    ],
)
async def test_what_makes_no_sense_is_refused_with_its_field_and_never_quoted(
    client: VectorClient, body: bytes, status: int, code: str, field: str
) -> None:
    answered, reply, _ = await client.post_encode(body)
    assert isinstance(reply, ErrorReply)
    assert (answered, reply.code) == (status, code) and field in reply.message and "SECRET" not in reply.message


async def test_more_texts_than_one_request_takes_are_split_and_keep_their_order(client: VectorClient) -> None:
    texts = [f"text {number}" for number in range(2 * MAX_TEXTS + 3)]
    async with pool_over("clip", [client.url]) as pool:
        texter = TextClient(pool)
        vectors = await texter.encode(texts)
        assert len(vectors) == len(texts) and {vector.space for vector in vectors} == {"clip/dummy-1"}
        for index in (0, MAX_TEXTS, 2 * MAX_TEXTS + 2):
            assert await texter.encode([texts[index]]) == (vectors[index],)
        assert await texter.encode([]) == ()


async def test_half_a_surrogate_pair_is_the_jobs_fault(client: VectorClient) -> None:
    async with pool_over("clip", [client.url]) as pool:
        with pytest.raises(JobRefused) as caught:
            await TextClient(pool).encode(["fine", "\ud800"])
    assert caught.value.reason.code == "bad_text" and "text 1" in caught.value.reason.message

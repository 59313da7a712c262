"""Vectors whose Milvus is killed, frozen or out of reach: unavailable within the timeout, and well again afterwards."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import pytest

from orchestrator.domain.errors import JobRefused, Unavailable
from orchestrator.stores.milvus import MilvusVectors
from orchestrator.stores.milvus.rows import rows_of
from tests.kit.away import TIMEOUT_S, is_unavailable
from tests.kit.faultproxy import FaultProxy
from tests.kit.milvus import Milvus
from tests.kit.ports import free_port
from tests.kit.vectors import alike, image_vector, put, random_vector

KEYED = image_vector(random_vector(1))


def calls(vectors: MilvusVectors) -> list[Callable[[], Awaitable[object]]]:
    return [
        lambda: vectors.put_vectors(put(KEYED)),
        lambda: vectors.find_vectors("images", [KEYED.key]),
        lambda: vectors.search("images", KEYED.vector, limit=3),
        lambda: vectors.sweep("images", "b1", [KEYED.key]),
        vectors.ping,
    ]


async def all_unavailable(vectors: MilvusVectors, times: int = 1) -> None:
    said = await asyncio.gather(*(is_unavailable(call()) for call in calls(vectors) * times))
    assert all(text.startswith("milvus is not available") for text in said)


async def works_again(vectors: MilvusVectors) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            await asyncio.gather(*(call() for call in calls(vectors)))
            break
        except Unavailable:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.1)
    found = await vectors.find_vectors("images", [KEYED.key])
    assert alike(found[KEYED.key], KEYED.vector)


async def stored_at(url: str) -> None:
    """Make the collection first, with more time than the tests give to a request."""
    vectors = await MilvusVectors.connect(url, timeout_s=30)
    await vectors.put_vectors(put(KEYED))
    await vectors.close()


async def test_every_call_gives_up_when_the_server_freezes_or_dies_and_works_when_it_is_back(
    milvus: Milvus, milvus_url: str, capfd: pytest.CaptureFixture[str]
) -> None:
    await stored_at(milvus_url)
    vectors = await MilvusVectors.connect(milvus_url, timeout_s=TIMEOUT_S)
    await works_again(vectors)
    milvus.freeze()
    await all_unavailable(vectors, times=10)
    milvus.thaw()
    await works_again(vectors)
    milvus.kill()
    await all_unavailable(vectors)
    await asyncio.to_thread(milvus.ensure_running)
    await works_again(vectors)
    await vectors.close()
    assert capfd.readouterr() == ("", "")


async def test_a_network_that_swallows_everything_is_unavailable_and_works_when_it_is_back(
    milvus: Milvus, milvus_url: str
) -> None:
    await stored_at(milvus_url)
    async with FaultProxy(milvus.port) as proxy:
        vectors = await MilvusVectors.connect(
            milvus_url.replace(str(milvus.port), str(proxy.port)), timeout_s=TIMEOUT_S
        )
        await works_again(vectors)
        await proxy.black_hole()
        await all_unavailable(vectors)
        await proxy.pass_through()
        await works_again(vectors)
        await vectors.close()


async def test_a_server_that_is_not_there_is_unavailable_and_no_password_is_said() -> None:
    url = f"http://user:hunter2@127.0.0.1:{free_port()}"
    for token in (None, "user:hunter2"):
        vectors = await MilvusVectors.connect(url, timeout_s=TIMEOUT_S, token=token)
        assert "hunter2" not in await is_unavailable(vectors.ping())
        await all_unavailable(vectors)
        await vectors.close()


async def test_a_database_that_does_not_exist_is_the_operators_fault(milvus: Milvus) -> None:
    milvus.ensure_running()
    vectors = await MilvusVectors.connect(milvus.url_of("missing"), timeout_s=20)
    with pytest.raises(Unavailable, match="missing"):
        await vectors.put_vectors(put(KEYED))
    await vectors.close()


async def test_a_collection_that_was_dropped_is_made_again(milvus_url: str) -> None:
    await stored_at(milvus_url)
    vectors = await MilvusVectors.connect(milvus_url, timeout_s=20)
    await vectors.put_vectors(put(KEYED))
    await vectors._connection.ask(vectors._connection.handler.drop_collection, "images_8")
    with pytest.raises(Unavailable):
        await vectors.put_vectors(put(KEYED))
    await vectors.put_vectors(put(KEYED))
    assert list(await vectors.find_vectors("images", [KEYED.key])) == [KEYED.key]
    await vectors.close()


async def test_what_the_server_itself_refuses_is_the_values_fault(milvus_url: str) -> None:
    vectors = await MilvusVectors.connect(milvus_url, timeout_s=20)
    await vectors.put_vectors(put(KEYED))
    ask, handler = vectors._connection.ask, vectors._connection.handler
    with pytest.raises(JobRefused, match="store_refused"):
        await ask(handler.upsert_rows, "images_8", [{"id": "no other field"}])
    (row,) = rows_of(put(KEYED))
    with pytest.raises(JobRefused, match="exceeds max length"):
        await ask(handler.upsert_rows, "images_8", [{**row, "key": "x" * 3000}])
    await vectors.close()

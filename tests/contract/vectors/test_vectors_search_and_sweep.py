"""What every vector store finds, sweeps away, and does for several processes."""

import asyncio
from pathlib import Path

import pytest

from orchestrator.domain.errors import JobRefused, Unavailable
from orchestrator.domain.relevance.vectors import Vector
from orchestrator.stores.milvus import MilvusVectors
from orchestrator.stores.ports import VectorStore
from tests.kit.vectors import OTHER_SPACE, SPACE, alike, gone, hits_of, image_vector, put, random_vector, turned


class TestSearch:
    async def test_the_most_similar_come_first_with_their_cosine_and_payload(self, vectors: VectorStore) -> None:
        cosines = [0.9, -1.0, 0.5, 1.0, 0.0]
        await vectors.put_vectors(put(*(image_vector(turned(c), image_id=f"i{c}") for c in cosines)))
        assert len(await hits_of(vectors, turned(1.0), count=5)) == 5
        hits = await vectors.search("images", turned(1.0), limit=4)
        assert [hit.cosine for hit in hits] == pytest.approx([1.0, 0.9, 0.5, 0.0], abs=1e-5)
        assert all(-1.0 <= hit.cosine <= 1.0 for hit in hits)
        assert hits[1].payload == {"business_id": "b1", "image_id": "i0.9"}

    async def test_only_vectors_of_the_same_space_are_compared(self, vectors: VectorStore) -> None:
        for space in (SPACE, OTHER_SPACE):
            of_space = [image_vector(turned(n / 10, space=space), image_id=f"i{n}") for n in range(10)]
            await vectors.put_vectors(put(*of_space))
        for space in (SPACE, OTHER_SPACE):
            hits = await hits_of(vectors, turned(1.0, space=space), count=10)
            assert all(f"|{space}|" in hit.key for hit in hits)
        assert await vectors.search("images", turned(1.0, space="another"), limit=20) == []

    async def test_one_business_can_be_named(self, vectors: VectorStore) -> None:
        businesses = ("a", "a.b", "a-b", "")
        await vectors.put_vectors(put(*(image_vector(turned(0.5), business_id=b) for b in businesses)))
        for business_id in businesses:
            (hit,) = await hits_of(vectors, turned(1.0), count=1, business_id=business_id)
            assert hit.payload["business_id"] == business_id
        await hits_of(vectors, turned(1.0), count=len(businesses))

    async def test_a_limit_beyond_what_the_store_can_answer_is_cut(self, vectors: VectorStore) -> None:
        await vectors.put_vectors(put(image_vector(turned(1.0))))
        await hits_of(vectors, turned(1.0), count=1)
        assert len(await vectors.search("images", turned(1.0), limit=10**6)) == 1

    async def test_a_vector_that_is_none_is_refused(self, vectors: VectorStore) -> None:
        with pytest.raises(JobRefused):
            await vectors.search("images", Vector(SPACE, b"123"), limit=1)


class TestSweep:
    async def test_only_what_is_left_over_of_this_business_and_kind_is_removed(self, vectors: VectorStore) -> None:
        current = image_vector(random_vector(1), version="v2")
        left_over = [image_vector(random_vector(n), version=f"v1-{n}") for n in range(100)]
        left_over.append(image_vector(random_vector(5, space=OTHER_SPACE, dimension=16)))
        other = image_vector(random_vector(2), business_id="b")
        for write in (put(current, other, *left_over[:-1]), put(left_over[-1])):
            await vectors.put_vectors(write)
        await vectors.put_vectors(put(left_over[0], kind="descriptions"))
        assert await vectors.sweep("images", "b1", [current.key], older_than_s=0) == len(left_over)
        await gone(vectors, *left_over)
        found = await vectors.find_vectors("images", [current.key, other.key])
        assert set(found) == {current.key, other.key}
        assert await vectors.find_vectors("descriptions", [left_over[0].key])
        assert await vectors.sweep("images", "b1", [current.key], older_than_s=0) == 0

    async def test_a_vector_whose_document_may_not_be_written_yet_stays(self, vectors: VectorStore) -> None:
        keyed = image_vector(random_vector(1))
        await vectors.put_vectors(put(keyed))
        assert await vectors.sweep("images", "b1", []) == 0
        assert await vectors.find_vectors("images", [keyed.key])

    async def test_a_vector_that_was_swept_can_be_put_again(self, vectors: VectorStore) -> None:
        keyed = image_vector(random_vector(1))
        for _ in range(2):
            await vectors.put_vectors(put(keyed))
            assert await vectors.find_vectors("images", [keyed.key])
            assert await vectors.sweep("images", "b1", [], older_than_s=0) == 1
            await gone(vectors, keyed)


async def test_a_closed_store_is_unavailable(vectors: VectorStore) -> None:
    await vectors.close()
    await vectors.close()
    for call in (vectors.ping(), vectors.put_vectors(put(image_vector(random_vector(1))))):
        with pytest.raises(Unavailable):
            await call


async def test_two_processes_make_a_collection_at_the_same_moment(milvus_url: str) -> None:
    stores = [await MilvusVectors.connect(milvus_url, timeout_s=20) for _ in range(4)]
    stored = [image_vector(random_vector(n), image_id=f"i{n}") for n in range(4)]
    await asyncio.gather(*(store.put_vectors(put(keyed)) for store, keyed in zip(stores, stored, strict=True)))
    for store in stores:
        assert len(await store.find_vectors("images", [keyed.key for keyed in stored])) == len(stored)
        await store.close()


async def test_a_file_keeps_what_it_answered_for_and_has_one_owner(tmp_path: Path) -> None:
    keyed = image_vector(random_vector(1))
    first = await MilvusVectors.open(tmp_path / "vectors", timeout_s=20)
    await first.put_vectors(put(keyed))
    with pytest.raises(Unavailable):
        await MilvusVectors.open(tmp_path / "vectors", timeout_s=20)
    await first.close()
    again = await MilvusVectors.open(tmp_path / "vectors", timeout_s=20)
    found = await again.find_vectors("images", [keyed.key])
    hits = await again.search("images", keyed.vector, limit=5)
    await again.close()
    assert alike(found[keyed.key], keyed.vector) and [hit.key for hit in hits] == [keyed.key]

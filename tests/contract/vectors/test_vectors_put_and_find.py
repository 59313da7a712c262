"""What every vector store does with what is put, and what it refuses."""

import asyncio
import time
from dataclasses import replace

import numpy as np
import pytest

from orchestrator.domain.errors import JobRefused
from orchestrator.domain.outcome import PutVectors
from orchestrator.domain.relevance.vectors import KeyedVector, Vector
from orchestrator.stores.ports import VectorStore
from tests.kit.vectors import OTHER_SPACE, SPACE, alike, gone, hits_of, image_vector, put, random_vector, turned

ODD_KEYS = [
    'a"b',
    "a'b",
    "a\\",
    'a\\"] or id != "',
    '"] || key like "%',
    "\U0001f600/ä|%_*",
    "line\nbreak",
    "null\x00byte",
    "{template}",
    " ",
    "",
    "x" * 2000,
    f"{'🍕' * 128}/{'🧁' * 128}",
]


class TestPutAndFind:
    async def test_a_store_nobody_wrote_to_answers_with_nothing(self, vectors: VectorStore) -> None:
        await vectors.ping()
        assert await vectors.find_vectors("images", ["a", "b"]) == {}
        assert await vectors.search("images", random_vector(1), limit=3) == []
        assert await vectors.sweep("images", "b1", [], older_than_s=0) == 0

    async def test_what_was_put_is_found_at_once_by_its_key(self, vectors: VectorStore) -> None:
        for n in range(3):
            keyed = image_vector(random_vector(n), image_id=f"i{n}")
            await vectors.put_vectors(put(keyed))
            found = await vectors.find_vectors("images", [keyed.key, "missing"])
            assert list(found) == [keyed.key] and alike(found[keyed.key], keyed.vector)

    async def test_putting_twice_is_the_same_as_once(self, vectors: VectorStore) -> None:
        keyed = image_vector(random_vector(1))
        for _ in range(3):
            await vectors.put_vectors(put(keyed, keyed))
        assert [hit.key for hit in await hits_of(vectors, keyed.vector, count=1)] == [keyed.key]
        assert await vectors.sweep("images", "b1", [], older_than_s=0) == 1
        await gone(vectors, keyed)

    async def test_nothing_to_put_and_nothing_to_find_is_no_error(self, vectors: VectorStore) -> None:
        await vectors.put_vectors(put())
        assert await vectors.find_vectors("images", []) == {}
        assert await vectors.search("images", random_vector(1), limit=0) == []

    async def test_odd_keys_find_their_own_vector_and_no_other(self, vectors: VectorStore) -> None:
        stored = [KeyedVector(key, random_vector(n), {"word": key}) for n, key in enumerate(ODD_KEYS)]
        await vectors.put_vectors(put(*stored, kind="words"))
        for keyed in stored:
            found = await vectors.find_vectors("words", [keyed.key])
            assert list(found) == [keyed.key] and alike(found[keyed.key], keyed.vector)
        for keyed in stored:
            best = (await hits_of(vectors, keyed.vector, count=len(stored), kind="words"))[0]
            assert (best.key, best.payload) == (keyed.key, {"word": keyed.key})

    async def test_odd_businesses_and_spaces_stay_apart(self, vectors: VectorStore) -> None:
        for odd in ODD_KEYS[:-2]:
            vector = replace(turned(1.0), space=f"space {odd}")
            await vectors.put_vectors(put(image_vector(vector, business_id=odd)))
        for odd in ODD_KEYS[:-2]:
            vector = replace(turned(1.0), space=f"space {odd}")
            for business_id in (None, odd):
                (hit,) = await hits_of(vectors, vector, count=1, business_id=business_id)
                assert hit.payload["business_id"] == odd

    async def test_two_thousand_vectors_of_one_write_are_all_found_and_the_loop_goes_on_meanwhile(
        self, vectors: VectorStore
    ) -> None:
        many = [KeyedVector(f"w{n}", random_vector(n, dimension=384), {"word": str(n)}) for n in range(2000)]
        longest_s, ended = 0.0, False

        async def watch() -> None:
            nonlocal longest_s
            while not ended:
                before = time.monotonic()
                await asyncio.sleep(0.005)
                longest_s = max(longest_s, time.monotonic() - before)

        watcher = asyncio.create_task(watch())
        await vectors.put_vectors(put(*many, kind="words"))
        found = await vectors.find_vectors("words", [keyed.key for keyed in many])
        ended = True
        await watcher
        assert all(alike(found[keyed.key], keyed.vector) for keyed in many)
        assert longest_s < 0.5  # all at once it is a second and more, on an idle machine

    async def test_kinds_and_dimensions_are_stored_side_by_side(self, vectors: VectorStore) -> None:
        small, large = image_vector(random_vector(1)), image_vector(random_vector(1, dimension=16), image_id="i2")
        await vectors.put_vectors(put(small))
        await vectors.put_vectors(put(large))
        await vectors.put_vectors(put(image_vector(random_vector(2)), kind="descriptions"))
        found = await vectors.find_vectors("images", [small.key, large.key])
        assert {key: vector.dimension for key, vector in found.items()} == {small.key: 8, large.key: 16}
        assert alike((await vectors.find_vectors("descriptions", [small.key]))[small.key], random_vector(2))

    async def test_many_writers_of_a_first_vector_lose_none(self, vectors: VectorStore) -> None:
        stored = [image_vector(random_vector(n), image_id=f"i{n}") for n in range(20)]
        await asyncio.gather(*(vectors.put_vectors(put(keyed)) for keyed in stored))
        found = await vectors.find_vectors("images", [keyed.key for keyed in stored])
        assert set(found) == {keyed.key for keyed in stored}


class TestRefused:
    @pytest.mark.parametrize(
        "write",
        [
            put(image_vector(random_vector(1)), image_vector(random_vector(1, dimension=9), image_id="i2")),
            put(image_vector(random_vector(1)), image_vector(random_vector(1, space=OTHER_SPACE), image_id="i2")),
            put(KeyedVector("k", Vector(SPACE, b""))),
            put(KeyedVector("k", Vector(SPACE, b"\x00\x00\x80?"))),
            put(KeyedVector("k", Vector(SPACE, b"123456789"))),
            put(KeyedVector("k", Vector(SPACE, bytes(32)))),
            put(KeyedVector("k", Vector(SPACE, np.full(8, np.nan, "<f4").tobytes()))),
            put(KeyedVector("k", Vector(SPACE, np.ones(32_769, "<f4").tobytes()))),
            put(KeyedVector("k" * 2049, random_vector(1))),
            put(KeyedVector("half \ud800", random_vector(1))),
            put(KeyedVector("k", random_vector(1, space="s" * 513))),
            put(KeyedVector("k", random_vector(1), {"word": "x" * 8192})),
            put(KeyedVector("k", random_vector(1), {"word": "\udfff"})),
        ],
        ids=[
            "dimensions",
            "spaces",
            "no-numbers",
            "one-number",
            "odd-bytes",
            "zero",
            "nan",
            "too-long",
            "key",
            "surrogate-key",
            "space",
            "payload",
            "surrogate-payload",
        ],
    )
    async def test_what_cannot_be_stored_is_refused_and_changes_nothing(
        self, vectors: VectorStore, write: PutVectors
    ) -> None:
        with pytest.raises(JobRefused) as refusal:
            await vectors.put_vectors(write)
        assert refusal.value.reason.code == "store_refused"
        assert await vectors.find_vectors("images", ["k"]) == {}

    async def test_the_largest_that_fits_is_stored(self, vectors: VectorStore) -> None:
        vector = random_vector(1, space="ä" * 256)
        keyed = KeyedVector("\U0001f600" * 512, vector, {"word": "x" * 8180})
        await vectors.put_vectors(put(keyed))
        assert alike((await vectors.find_vectors("images", [keyed.key]))[keyed.key], vector)

"""What every object store does, run against a folder and a real S3 server."""

import asyncio
import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from orchestrator.domain.enhancement import original_key
from orchestrator.domain.errors import JobRefused, Unavailable
from orchestrator.domain.outcome import Announce, PurgeUrl, PutObject, PutVectors, SetAltText, SetRelevance, SetSection
from orchestrator.domain.pictures import Picture
from orchestrator.domain.relevance.vectors import KeyedVector, Vector
from orchestrator.stores.apply import StoreApplier, StoredOriginals
from orchestrator.stores.embedded import EmbeddedDocuments
from orchestrator.stores.embedded.objects import FolderObjects
from orchestrator.stores.ports import Objects, StoredObject
from orchestrator.stores.s3 import S3Objects
from tests.kit.s3 import ACCESS_KEY, REGION, SECRET_KEY
from tests.kit.vectors import Kept

KEY = "originals/" + "a" * 64
BAD_KEYS = [
    "",
    "/etc/passwd",
    "../up",
    "a/../../up",
    "a/..",
    "./a",
    "a//b",
    "a/",
    ".partial/x",
    "a/.b.json",
    "a\\b",
    "a\x00b",
    "a\nb",
    "a b",
    "ä",
    "a/" * 20 + "b",
    "x" * 300,
    "-x/../y",
    "a?b",
    "a%2e%2e/b",
    "a\n",
]


@pytest.fixture(params=["folder", "s3"])
async def objects(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Objects]:
    store: Objects
    if request.param == "folder":
        store = await FolderObjects.open(tmp_path / "objects")
    else:
        store = await S3Objects.open(
            request.getfixturevalue("bucket"),
            region=REGION,
            timeout_s=20,
            endpoint=request.getfixturevalue("s3_server").endpoint,
            access_key=ACCESS_KEY,
            secret_key=SECRET_KEY,
        )
    yield store
    await store.close()


def put(key: str = KEY, body: bytes = b"picture", **metadata: str) -> PutObject:
    return PutObject(key, body, "image/jpeg", metadata)


class TestObjects:
    async def test_an_object_comes_back_as_it_was_put(self, objects: Objects) -> None:
        body = bytes(range(256)) * 10
        assert await objects.put(PutObject(KEY, body, "image/webp", {"model": "m1", "source-sha256": "ab" * 32}))
        assert await objects.get(KEY) == StoredObject(body, "image/webp", {"model": "m1", "source-sha256": "ab" * 32})
        assert await objects.exists(KEY)

    async def test_what_was_never_put_is_not_there(self, objects: Objects) -> None:
        await objects.put(put("enhanced/a/b.jpg"))
        for key in (KEY, "enhanced", "enhanced/a", "enhanced/a/b.jpg/c"):
            assert await objects.get(key) is None, key
            assert not await objects.exists(key)

    async def test_an_object_never_changes(self, objects: Objects) -> None:
        assert await objects.put(put(model="first"))
        assert not await objects.put(put(body=b"other", model="second"))
        assert await objects.get(KEY) == StoredObject(b"picture", "image/jpeg", {"model": "first"})

    async def test_many_writers_of_one_key_leave_one_whole_object(self, objects: Objects) -> None:
        bodies = [bytes([n]) * 100_000 for n in range(16)]
        await asyncio.gather(*(objects.put(put(body=body, n=str(body[0]))) for body in bodies))
        found = await objects.get(KEY)
        assert found is not None
        assert found.body in bodies and found.metadata == {"n": str(found.body[0])}

    async def test_many_objects_at_once_are_all_there(self, objects: Objects) -> None:
        keys = [f"enhanced/{n % 5}/{n}.jpg" for n in range(60)]
        assert all(await asyncio.gather(*(objects.put(put(key, key.encode())) for key in keys)))
        found = await asyncio.gather(*map(objects.get, keys))
        assert [each and each.body for each in found] == [key.encode() for key in keys]

    @pytest.mark.parametrize("size", [0, 1, 12 * 2**20])
    async def test_small_and_big_bodies_survive(self, objects: Objects, size: int) -> None:
        body = random.randbytes(size)
        await objects.put(put(body=body))
        found = await objects.get(KEY)
        assert found is not None and found.body == body

    async def test_any_text_in_metadata_survives(self, objects: Objects) -> None:
        metadata = {
            "accents": "Größe 2× — 100 %",
            "spaces": " both ends ",
            "lines": "one\r\ntwo: three",
            "encoded": "%41%",
            "json": '{"a": [1, "b"]}',
            "empty": "",
        }
        await objects.put(PutObject(KEY, b"x", "image/png", metadata))
        found = await objects.get(KEY)
        assert found is not None and found.metadata == metadata

    async def test_a_key_that_is_no_plain_path_is_refused(self, objects: Objects) -> None:
        for key in BAD_KEYS:
            for call in (objects.put(put(key)), objects.get(key), objects.exists(key)):
                with pytest.raises(JobRefused) as refusal:
                    await call
                assert refusal.value.reason.code == "store_refused", key

    async def test_metadata_that_not_every_store_keeps_is_refused(self, objects: Objects) -> None:
        bad: list[dict[str, str]] = [{"Upper": "x"}, {"a_b": "x"}, {"": "x"}, {"a": "x" * 2000}, {"a": "\ud800"}]
        for metadata in bad:
            with pytest.raises(JobRefused):
                await objects.put(put(**metadata))
        assert not await objects.exists(KEY)

    async def test_a_content_type_must_be_one(self, objects: Objects) -> None:
        for content_type in ("", "image/\r\njpeg", "bïld"):
            with pytest.raises(JobRefused):
                await objects.put(PutObject(KEY, b"", content_type))

    async def test_a_store_that_answers_pings_and_a_closed_one_is_unavailable(self, objects: Objects) -> None:
        await objects.ping()
        await objects.close()
        for call in (objects.ping(), objects.put(put()), objects.get(KEY)):
            with pytest.raises(Unavailable):
                await call

    async def test_an_original_is_found_by_its_hash(self, objects: Objects) -> None:
        originals = StoredOriginals(objects)
        assert await originals.find_original("b" * 64) is None
        await objects.put(PutObject(original_key("b" * 64), b"original", "image/png"))
        assert await originals.find_original("b" * 64) == Picture(b"original", "image/png")

    async def test_the_applier_takes_every_write_and_effect_to_its_store_twice_as_once(self, objects: Objects) -> None:
        purged: list[str] = []
        told: list[str] = []

        async def purge(url: str) -> None:
            purged.append(url)

        async def announce(announcement: Announce) -> None:
            told.append(announcement.event)

        documents = await EmbeddedDocuments.open(":memory:")
        kept = Kept()
        applier = StoreApplier(
            documents,
            objects,
            purge,
            announce=announce,
            vectors=kept,  # type: ignore[arg-type]  # takes vectors, finds none
            alt_texts=kept,
        )
        vectors = PutVectors("images", (KeyedVector("b/i|space|v1", Vector.unit("space", [1.0, 2.0])),))
        alt_text = SetAltText("b", "i", "v1", "A red door", "model", "1")
        for _ in range(2):
            await applier.write(put())
            await applier.write(SetSection("b", "i", "content", "v1", {"n": 1}))
            await applier.write(SetRelevance("b", "i", "v1", {"n": 2}))
            await applier.write(vectors)
            await applier.write(alt_text)
            await applier.effect(PurgeUrl("https://cdn/x"))
            await applier.effect(Announce("image.scored", "b", "i", "j", "v1"))
        metadata = await documents.find_metadata("b", "i")
        relevance = await documents.find_relevance("b")
        await documents.close()
        assert metadata is not None and metadata["content"]["n"] == 1 and relevance["i"]["n"] == 2
        assert kept.writes == [vectors, alt_text] * 2
        assert await objects.exists(KEY) and purged == ["https://cdn/x"] * 2 and told == ["image.scored"] * 2

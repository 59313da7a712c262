"""What every document store does with the relevance of images and with all images of a business."""

import asyncio
import random

import pytest

from orchestrator.domain.errors import JobRefused
from orchestrator.domain.outcome import SetRelevance, SetSection
from orchestrator.stores.ports import MAX_BUSINESS_IMAGES, Documents
from tests.kit.records import version

ALIKE = ("a", "a.b", "a-b", "a0", "a$", "a'", "a\u00e4", "a\U0001f600", "b")


def relevance(version: str, *, business_id: str = "b1", image_id: str = "i1", **value: object) -> SetRelevance:
    return SetRelevance(business_id, image_id, version, value)


async def stored(documents: Documents, image_id: str = "i1") -> dict[str, object]:
    fields = dict((await documents.find_relevance("b1"))[image_id])
    assert isinstance(fields.pop("updated_at"), int)
    assert (fields.pop("business_id"), fields.pop("image_id")) == ("b1", image_id)
    return fields


class TestRelevance:
    async def test_a_business_nobody_scored_has_no_relevance(self, documents: Documents) -> None:
        assert await documents.find_relevance("b1") == {}

    async def test_relevance_is_stored_with_its_image_its_version_and_the_time(self, documents: Documents) -> None:
        scores = [{"category_id": "c1", "name": "Café $5", "score": 0.5, "parts": {"clip": None}}]
        value = {"url": "http://x/1.png", "quality": None, "scores": scores, "inputs": {"idf_version": "v"}}
        assert await documents.set_relevance(relevance(version(1), **value))
        assert await stored(documents) == {**value, "version": version(1)}

    async def test_an_older_write_never_replaces_a_newer_one(self, documents: Documents) -> None:
        assert await documents.set_relevance(relevance(version(2), n="new"))
        assert not await documents.set_relevance(relevance(version(1), n="old", only_old=1))
        assert await stored(documents) == {"n": "new", "version": version(2)}

    async def test_a_newer_write_replaces_the_whole_document(self, documents: Documents) -> None:
        await documents.set_relevance(relevance(version(1), n="old", only_old={"deep": 1}))
        assert await documents.set_relevance(relevance(version(2), n="new"))
        assert await stored(documents) == {"n": "new", "version": version(2)}

    async def test_the_same_write_twice_is_the_same_as_once(self, documents: Documents) -> None:
        assert await documents.set_relevance(relevance(version(1), n=1))
        before = await documents.find_relevance("b1")
        assert not await documents.set_relevance(relevance(version(1), n=2))
        assert await documents.find_relevance("b1") == before

    async def test_sixty_writers_of_a_new_document_leave_the_newest(self, documents: Documents) -> None:
        numbers = list(range(60))
        random.shuffle(numbers)
        await asyncio.gather(*(documents.set_relevance(relevance(version(n), n=n)) for n in numbers))
        assert await stored(documents) == {"n": 59, "version": version(59)}

    async def test_text_that_looks_like_a_field_path_stays_text(self, documents: Documents) -> None:
        value = {"text": "$5 haircut", "a.b": "$$ROOT", "parts": {"$add": ["$version", 1], "x.y": {"$set": "$n"}}}
        await documents.set_relevance(relevance(version(1), **value))
        await documents.set_relevance(relevance(version(2), **value))
        assert await stored(documents) == {**value, "version": version(2)}

    async def test_a_value_cannot_pretend_to_be_of_another_image_or_version(self, documents: Documents) -> None:
        value = {"business_id": "b2", "image_id": "i2", "version": "9", "updated_at": "never", "n": 1}
        await documents.set_relevance(SetRelevance("b1", "i1", version(1), value))
        assert await stored(documents) == {"n": 1, "version": version(1)}
        assert await documents.find_relevance("b2") == {}

    @pytest.mark.parametrize(
        "value",
        [
            {"n": 2**63},
            {"half": "\ud800"},
            {"null\x00name": 1},
            {"": 1},
            {"_id": 1},
            {"$set": 1},
            {"deep": {1: "x"}},
            {1: "x"},
            {"object": object()},
            {"big": "x" * (9 * 2**20)},
        ],
        ids=["int", "surrogate", "null-name", "empty-name", "id", "dollar", "deep-name", "name", "type", "big"],
    )
    async def test_what_cannot_be_kept_is_refused_and_changes_nothing(
        self, documents: Documents, value: dict[str, object]
    ) -> None:
        with pytest.raises(JobRefused) as refusal:
            await documents.set_relevance(SetRelevance("b1", "i1", version(1), value))
        assert refusal.value.reason.code == "store_refused"
        assert await documents.find_relevance("b1") == {}

    async def test_another_businesss_images_never_appear(self, documents: Documents) -> None:
        for business_id in ALIKE:
            await documents.set_relevance(relevance(version(1), business_id=business_id, of=business_id))
        for business_id in ALIKE:
            found = await documents.find_relevance(business_id)
            assert [image["of"] for image in found.values()] == [business_id]


class TestAllImagesOfABusiness:
    async def test_a_business_nobody_wrote_about_has_no_images(self, documents: Documents) -> None:
        assert await documents.find_business("b1") == {}

    async def test_every_section_of_every_image_is_found(self, documents: Documents) -> None:
        for image_id in ("i1", "i2"):
            for name in ("clip", "description"):
                await documents.set_section(SetSection("b1", image_id, name, version(1), {"of": image_id + name}))
        found = await documents.find_business("b1")
        assert {image: {name: section["of"] for name, section in found[image].items()} for image in found} == {
            image: {"clip": f"{image}clip", "description": f"{image}description"} for image in ("i1", "i2")
        }
        for image_id in found:
            assert found[image_id] == await documents.find_metadata("b1", image_id)

    async def test_another_businesss_images_never_appear(self, documents: Documents) -> None:
        for business_id in ALIKE:
            await documents.set_section(SetSection(business_id, "i1", "clip", version(1), {"of": business_id}))
        for business_id in ALIKE:
            found = await documents.find_business(business_id)
            assert [image["clip"]["of"] for image in found.values()] == [business_id]

    @pytest.mark.parametrize("image_id", ["a.b", "$set", "a|b", "a'b", 'a"b', "\U0001f600" * 128, "..h.$set", "%", "_"])
    async def test_odd_image_ids_come_back_as_they_are(self, documents: Documents, image_id: str) -> None:
        await documents.set_section(SetSection("b1", image_id, "clip", version(1), {}))
        await documents.set_relevance(relevance(version(1), image_id=image_id))
        assert list(await documents.find_business("b1")) == [image_id]
        assert list(await documents.find_relevance("b1")) == [image_id]

    async def test_a_business_of_very_many_images_is_answered_with_the_first_ones(self, documents: Documents) -> None:
        ids = [f"i{n:05}" for n in range(MAX_BUSINESS_IMAGES + 3)]
        random.shuffle(ids)
        for first in range(0, len(ids), 200):
            some = ids[first : first + 200]
            writes = [SetSection("b1", image_id, name, version(1), {}) for image_id in some for name in ("a", "b")]
            await asyncio.gather(*map(documents.set_section, writes))
            await asyncio.gather(
                *(documents.set_relevance(relevance(version(1), image_id=image_id)) for image_id in some)
            )
        expected = sorted(ids)[:MAX_BUSINESS_IMAGES]
        found = await documents.find_business("b1")
        assert list(found) == expected and set(found[expected[-1]]) == {"a", "b"}
        assert list(await documents.find_relevance("b1")) == expected

    async def test_businesses_are_paged_in_the_bytewise_order_of_their_ids(self, documents: Documents) -> None:
        for business_id in ALIKE:
            for image_id in ("i1", "i2"):
                await documents.set_section(SetSection(business_id, image_id, "content", version(1), {}))
        wanted = sorted(ALIKE, key=str.encode)
        found: list[str] = []
        while page := await documents.business_ids(after=found[-1] if found else "", limit=2):
            assert len(page) <= 2
            found += page
        assert found == wanted
        assert await documents.business_ids(after="b", limit=5) == []

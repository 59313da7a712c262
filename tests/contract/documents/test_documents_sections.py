"""What every document store does with the sections of an image."""

import asyncio
import itertools
import random

import pytest

from orchestrator.domain.errors import JobRefused
from orchestrator.domain.outcome import SetSection
from orchestrator.stores.ports import Documents
from tests.kit.records import section, stored, version


class TestSections:
    async def test_an_image_nobody_wrote_about_has_no_metadata(self, documents: Documents) -> None:
        assert await documents.find_metadata("b1", "nothing") is None

    async def test_a_section_is_stored_with_its_version_and_the_time(self, documents: Documents) -> None:
        value = {"n": 1, "f": 0.5, "t": "ä", "none": None, "flag": True, "list": [1, {"a": "b"}], "tuple": (1, 2)}
        assert await documents.set_section(section(version(1), **value))
        assert await stored(documents) == {**value, "tuple": [1, 2], "version": version(1)}

    async def test_an_older_write_never_replaces_a_newer_one(self, documents: Documents) -> None:
        assert await documents.set_section(section(version(2), n="new", only_new=1))
        assert not await documents.set_section(section(version(1), n="old"))
        assert (await stored(documents))["n"] == "new"

    async def test_a_newer_write_replaces_the_whole_section(self, documents: Documents) -> None:
        await documents.set_section(section(version(1), n="old", only_old={"deep": 1}))
        assert await documents.set_section(section(version(2), n="new"))
        assert await stored(documents) == {"n": "new", "version": version(2)}

    async def test_the_same_write_twice_is_the_same_as_once(self, documents: Documents) -> None:
        assert await documents.set_section(section(version(1), n=1))
        before = await documents.find_metadata("b1", "i1")
        assert not await documents.set_section(section(version(1), n=1))
        assert await documents.find_metadata("b1", "i1") == before

    async def test_versions_compare_by_their_bytes(self, documents: Documents) -> None:
        rising = ["1-A", "1-a", "1-z", "1-\u00e4", "1-\uffee", "1-\U0001f600", "10"]
        rising.sort(key=str.encode)
        for lower, higher in itertools.pairwise(rising):
            image = f"{lower}|{higher}"
            assert await documents.set_section(section(higher, image_id=image, n="high"))
            assert not await documents.set_section(section(lower, image_id=image, n="low")), (lower, higher)
            assert not await documents.set_section(section(higher, image_id=image, n="same"))
            assert (await stored(documents, image_id=image))["n"] == "high"

    async def test_two_hundred_writers_in_any_order_leave_the_newest(self, documents: Documents) -> None:
        numbers = list(range(200))
        random.shuffle(numbers)
        await asyncio.gather(*(documents.set_section(section(version(n), n=n)) for n in numbers))
        assert await stored(documents) == {"n": 199, "version": version(199)}

    async def test_three_stages_that_write_a_new_document_at_once_lose_no_section(self, documents: Documents) -> None:
        names = ("content", "enhanced", "clip")
        for first in range(0, 500, 20):
            images = [f"i{n}" for n in range(first, first + 20)]
            writes = [section(version(1), name=name, image_id=image, of=image) for image in images for name in names]
            assert all(await asyncio.gather(*map(documents.set_section, writes)))
        for n in range(500):
            found = await documents.find_metadata("b1", f"i{n}")
            assert found is not None
            assert {name: found[name]["of"] for name in found} == dict.fromkeys(names, f"i{n}")

    async def test_many_sections_of_one_new_document_at_once_lose_none(self, documents: Documents) -> None:
        names = [f"s{n}" for n in range(40)]
        assert all(await asyncio.gather(*(documents.set_section(section(version(1), name=name)) for name in names)))
        found = await documents.find_metadata("b1", "i1")
        assert found is not None and sorted(found) == sorted(names)

    async def test_text_that_looks_like_a_field_path_stays_text(self, documents: Documents) -> None:
        value = {"text": "$5 haircut", "root": "$$ROOT", "op": {"$add": ["$version", 1]}, "list": ["$content"]}
        await documents.set_section(section(version(1), **value))
        await documents.set_section(section(version(2), **value))
        assert await stored(documents) == {**value, "version": version(2)}

    @pytest.mark.parametrize("name", ["a.b", "$set", "$", ".", "a.$b", "_id", "ä ö", "x" * 500])
    async def test_any_field_name_survives(self, documents: Documents, name: str) -> None:
        value = {name: 1, "nested": {name: {name: "x"}}}
        await documents.set_section(section(version(1), **value))
        assert await stored(documents) == {**value, "version": version(1)}

    @pytest.mark.parametrize(
        "value",
        [
            {"n": 2**63},
            {"n": [-(2**63) - 1]},
            {"half": "\ud800"},
            {"\ud800": 1},
            {"null\x00name": 1},
            {"": 1},
            {"deep": {1: "number as a name"}},
            {"bytes": object()},
            {"big": "x" * (9 * 2**20)},
        ],
        ids=["int", "negative", "surrogate", "surrogate-name", "null-name", "empty-name", "name", "type", "big"],
    )
    async def test_what_cannot_be_kept_is_refused_and_changes_nothing(
        self, documents: Documents, value: dict[str, object]
    ) -> None:
        with pytest.raises(JobRefused) as refusal:
            await documents.set_section(section(version(1), **value))
        assert refusal.value.reason.code == "store_refused"
        assert await documents.find_metadata("b1", "i1") is None

    @pytest.mark.parametrize("name", ["", "a.b", "$x", "_id", "A"])
    async def test_a_section_needs_a_plain_name(self, documents: Documents, name: str) -> None:
        with pytest.raises(JobRefused):
            await documents.set_section(section(version(1), name=name))

    async def test_nesting_is_bounded_the_same_way_everywhere(self, documents: Documents) -> None:
        def nested(levels: int) -> dict[str, object]:
            return {"x": nested(levels - 1)} if levels else {"x": 1}

        assert await documents.set_section(section(version(1), **nested(79)))
        with pytest.raises(JobRefused):
            await documents.set_section(section(version(2), **nested(2000 // 10)))

    async def test_the_extreme_values_that_fit_survive(self, documents: Documents) -> None:
        value = {"max": 2**63 - 1, "min": -(2**63), "null": "a\x00b", "inf": float("inf"), "big": "ü" * 10**6}
        await documents.set_section(section(version(1), **value))
        assert await stored(documents) == {**value, "version": version(1)}

    async def test_documents_whose_ids_begin_alike_are_kept_apart(self, documents: Documents) -> None:
        await documents.set_section(SetSection("b", "1", "content", version(1), {"n": 1}))
        await documents.set_section(SetSection("b", "11", "content", version(1), {"n": 2}))
        found = await documents.find_metadata("b", "1")
        assert found is not None and found["content"]["n"] == 1

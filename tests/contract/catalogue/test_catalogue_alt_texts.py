"""Which alt text stands in every SQL catalogue, and which values it keeps or refuses."""

import asyncio
import random

import pytest

from orchestrator.domain.catalogue.model import AltText, Category
from orchestrator.domain.errors import JobRefused
from orchestrator.domain.outcome import SetAltText
from orchestrator.stores.sql import SqlCatalogue

ODD_IDS = [
    "😀",
    "café",
    "cafe\u0301",
    "o'brien",
    'say "cheese"',
    "100%s",
    "%(name)s",
    "a\\'b",
    ":name",
    "'; DROP TABLE alttags; --",
    '" OR 1=1 #',
    "_",
    "x" * 128,
    "日" * 128,
    "🧁" * 128,
    "ß",
    "ss",
]


def write(version: str, text: str = "a bakery", image_id: str = "i") -> SetAltText:
    return SetAltText("b", image_id, version, text, "llava", "p1")


UNFIT = [
    write("1", "x" * 1001),
    write("1", "half \ud83d"),
    write("1", 5),  # type: ignore[arg-type]
    write("1", None),  # type: ignore[arg-type]
    write(""),
    write("v 1"),
    write("é"),
    write("1" * 129),
    write("1", image_id=""),
    write("1", image_id="i "),
    write("1", image_id="a\x00b"),
    write("1", image_id="x" * 129),
    SetAltText("b", "i", "1", "t", "m" * 256, "p"),
    SetAltText("b", "i", "1", "t", "m", "p" * 129),
]


class TestAltTexts:
    async def test_only_a_strictly_newer_version_replaces(self, catalogue: SqlCatalogue) -> None:
        assert await catalogue.set_alt_text(write("5", "five"))
        assert not await catalogue.set_alt_text(write("5", "again"))
        assert not await catalogue.set_alt_text(write("4", "four"))
        assert await catalogue.alt_texts_of("b") == {"i": AltText("b", "i", "five", "model", "5", "llava", "p1")}
        assert await catalogue.set_alt_text(write("50", "fifty"))
        assert (await catalogue.alt_texts_of("b"))["i"].alt_text == "fifty"

    async def test_versions_compare_by_their_bytes(self, catalogue: SqlCatalogue) -> None:
        versions = ["!", "-", "1", "10", "1a", "9", "A", "Z", "_", "a", "aB", "aa", "z", "~"]
        assert versions == sorted(versions, key=str.encode)
        for version in versions:
            assert await catalogue.set_alt_text(write(version))
        for version in versions:
            assert not await catalogue.set_alt_text(write(version))

    async def test_a_person_comes_before_a_model_in_either_order(self, catalogue: SqlCatalogue) -> None:
        assert await catalogue.set_alt_text(write("7", "machine"))
        assert await catalogue.set_human_alt_text("b", "i", "person", "5")
        stored = {"i": AltText("b", "i", "person", "human", "5")}
        assert await catalogue.alt_texts_of("b") == stored
        assert not await catalogue.set_alt_text(write("9", "machine"))
        assert not await catalogue.set_human_alt_text("b", "i", "older", "4")
        assert not await catalogue.set_human_alt_text("b", "i", "same", "5")
        assert await catalogue.alt_texts_of("b") == stored
        assert await catalogue.set_human_alt_text("b", "i", "second thoughts", "6")
        assert (await catalogue.alt_texts_of("b"))["i"].alt_text == "second thoughts"

    async def test_of_fifty_at_once_the_highest_version_stands(self, catalogue: SqlCatalogue) -> None:
        versions = [f"{n:02}" for n in range(50)]
        random.Random(7).shuffle(versions)
        written = await asyncio.gather(*(catalogue.set_alt_text(write(version, f"v{version}")) for version in versions))
        assert any(written) and written[versions.index("49")]
        assert (await catalogue.alt_texts_of("b"))["i"] == AltText("b", "i", "v49", "model", "49", "llava", "p1")

    async def test_a_person_among_fifty_models_at_once_stands(self, catalogue: SqlCatalogue) -> None:
        calls = [catalogue.set_alt_text(write(f"{n:02}")) for n in range(50)]
        calls.insert(25, catalogue.set_human_alt_text("b", "i", "person", "00"))
        assert (await asyncio.gather(*calls))[25]
        assert (await catalogue.alt_texts_of("b"))["i"].source == "human"

    async def test_it_keeps_any_character(self, catalogue: SqlCatalogue) -> None:
        text = "“Größe” 日本 👩‍👩‍👧 % %s :x \\ ' \" \x00 \n\t é e\u0301 "
        assert await catalogue.set_alt_text(write("1", text))
        assert (await catalogue.alt_texts_of("b"))["i"].alt_text == text
        assert await catalogue.set_alt_text(write("2", "😀" * 1000))


class TestValues:
    async def test_odd_ids_are_kept_apart_and_come_back_as_they_were(self, catalogue: SqlCatalogue) -> None:
        for odd in ODD_IDS:
            assert await catalogue.set_alt_text(SetAltText(odd, odd, "1", odd, odd[:99], "p"))
        await catalogue.put_categories([(odd, Category(other, odd)) for odd in ODD_IDS for other in ODD_IDS])
        for odd in ODD_IDS:
            assert await catalogue.alt_texts_of(odd) == {odd: AltText(odd, odd, odd, "model", "1", odd[:99], "p")}
            found = await catalogue.categories_of(odd)
            assert [row.category_id for row in found] == sorted(ODD_IDS, key=str.encode)
            assert {row.name for row in found} == {odd}

    async def test_what_does_not_fit_is_refused(self, catalogue: SqlCatalogue) -> None:
        for bad in UNFIT:
            with pytest.raises(JobRefused, match="store_refused"):
                await catalogue.set_alt_text(bad)
        assert await catalogue.alt_texts_of("b") == {}

    async def test_a_category_that_does_not_fit_is_refused(self, catalogue: SqlCatalogue) -> None:
        for bad in (Category("", "n"), Category("c" * 129, "n"), Category("c", "n" * 256), Category("c", "\udcff")):
            with pytest.raises(JobRefused, match="store_refused"):
                await catalogue.put_categories([("b", bad)])

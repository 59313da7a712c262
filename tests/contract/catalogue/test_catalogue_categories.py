"""What every SQL catalogue does with categories, and with the words of their names."""

import asyncio

import pytest

from orchestrator.domain.catalogue.model import Category
from orchestrator.domain.errors import JobRefused
from orchestrator.domain.relevance.idf import idf_snapshot_of
from orchestrator.stores.sql import SqlCatalogue
from orchestrator.stores.sql import catalogue as module


class TestCategories:
    async def test_they_come_by_id_and_an_unknown_business_has_none(self, catalogue: SqlCatalogue) -> None:
        rows = [Category(name, name.upper(), name == "b") for name in ("c", "a", "b", "B", "10", "9")]
        await catalogue.put_categories([("one", row) for row in rows] + [("two", Category("z", "Other"))])
        assert await catalogue.categories_of("one") == tuple(sorted(rows, key=lambda row: row.category_id.encode()))
        assert await catalogue.categories_of("nobody") == ()

    async def test_putting_one_again_replaces_it_and_leaves_the_others(self, catalogue: SqlCatalogue) -> None:
        await catalogue.put_categories([("b", Category("1", "Old", True)), ("b", Category("2", "Kept"))])
        await catalogue.put_categories([("b", Category("1", "Older")), ("b", Category("1", "New"))])
        await catalogue.put_categories([])
        assert await catalogue.categories_of("b") == (Category("1", "New"), Category("2", "Kept"))

    async def test_replacing_removes_those_that_are_not_named(self, catalogue: SqlCatalogue) -> None:
        await catalogue.put_categories(
            [("b", Category("1", "Gone")), ("b", Category("2", "Old")), ("c", Category("1", "C"))]
        )
        await catalogue.replace_categories("b", [Category("2", "New", True), Category("3", "Added")])
        assert await catalogue.categories_of("b") == (Category("2", "New", True), Category("3", "Added"))
        assert await catalogue.categories_of("c") == (Category("1", "C"),)
        await catalogue.replace_categories("b", [])
        assert await catalogue.categories_of("b") == ()

    async def test_a_reader_never_sees_a_half_replaced_business(self, catalogue: SqlCatalogue) -> None:
        sets = [[Category(f"{kind}{n:04}", kind) for n in range(600)] for kind in ("a", "b")]
        await catalogue.replace_categories("b", sets[0])
        done = asyncio.Event()

        async def read() -> None:
            while not done.is_set():
                found = await catalogue.categories_of("b")
                assert len(found) == 600 and len({category.name for category in found}) == 1

        async with asyncio.TaskGroup() as group:
            group.create_task(read())
            for turn in range(6):
                await catalogue.replace_categories("b", sets[turn % 2])
            done.set()

    async def test_a_refused_replacement_changes_nothing(self, catalogue: SqlCatalogue) -> None:
        await catalogue.put_categories([("b", Category("1", "Kept"))])
        with pytest.raises(JobRefused, match="store_refused"):
            await catalogue.replace_categories("b", [Category("2", "x"), Category("3", "x" * 256)])
        assert await catalogue.categories_of("b") == (Category("1", "Kept"),)

    async def test_a_business_with_ten_thousand_of_them(self, catalogue: SqlCatalogue) -> None:
        rows = [Category(f"{n:05}", f"Category {n} é😀") for n in range(10_000)]
        await catalogue.put_categories([("b", row) for row in rows])
        assert await catalogue.categories_of("b") == tuple(rows)
        await catalogue.replace_categories("b", rows[5_000:])
        assert await catalogue.categories_of("b") == tuple(rows[5_000:])

    async def test_many_replacements_of_one_business_at_once_all_succeed(self, catalogue: SqlCatalogue) -> None:
        sets = [[Category(f"{n}-{m}", "x") for m in range(20)] for n in range(16)]
        await asyncio.gather(*(catalogue.replace_categories("b", wanted) for wanted in sets))
        assert {category.category_id.partition("-")[0] for category in await catalogue.categories_of("b")} in [
            {str(n)} for n in range(16)
        ]


class TestSnapshots:
    async def test_before_the_first_one_nothing_is_known(self, catalogue: SqlCatalogue) -> None:
        snapshot = await catalogue.idf_snapshot()
        assert (snapshot.version, snapshot.documents, snapshot.frequencies) == ("none", 0, {})

    async def test_one_counts_every_name_known_and_is_seen_by_others(self, catalogue: SqlCatalogue, url: str) -> None:
        names = ["Bakery", "Wedding bakery", "Ĉapelo 帽子 ☕"]
        await catalogue.put_categories([(f"b{n}", Category(str(n), names[n % 3])) for n in range(12)])
        taken = await catalogue.take_idf_snapshot()
        assert taken == idf_snapshot_of(names) and taken.documents == 3
        other = SqlCatalogue(url, timeout_s=20)
        assert await other.idf_snapshot() == taken == await catalogue.idf_snapshot()
        await other.close()

    async def test_the_newest_one_is_in_force_even_when_it_is_an_old_one_again(
        self, catalogue: SqlCatalogue, url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "_SNAPSHOT_TTL_S", 0.0)
        other = SqlCatalogue(url, timeout_s=20)
        versions = []
        for name in ("Bakery", "Florist", "Bakery"):
            await catalogue.replace_categories("b", [Category("1", name)])
            versions.append((await catalogue.take_idf_snapshot()).version)
            await asyncio.sleep(0.002)  # the moment is kept in milliseconds
            assert (await other.idf_snapshot()).version == versions[-1]
        await other.close()
        assert versions[0] == versions[2] != versions[1]

    async def test_it_is_read_once_while_it_stands(self, catalogue: SqlCatalogue, url: str) -> None:
        await catalogue.put_categories([("b", Category("1", "Bakery"))])
        await catalogue.take_idf_snapshot()
        other = SqlCatalogue(url, timeout_s=20)
        first = await other.idf_snapshot()
        assert await other.idf_snapshot() is first
        await other.close()

    async def test_names_come_once_each_over_many_pages(
        self, catalogue: SqlCatalogue, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "_NAMES_A_CALL", 3)
        await catalogue.put_categories([(f"b{n}", Category("1", f"n{n % 6}")) for n in range(18)])
        assert [name async for name in catalogue.category_names()] == [f"n{n}" for n in range(6)]

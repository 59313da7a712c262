"""Calls of a SQL catalogue: cancelled ones, long ones, and those that can never work."""

import asyncio
from pathlib import Path

import pytest

from orchestrator.domain.catalogue.model import Category
from orchestrator.domain.errors import ConfigurationError, Unavailable
from orchestrator.stores.sql import SqlCatalogue


class TestCalls:
    async def test_a_cancelled_call_leaves_the_catalogue_fit_for_the_next(self, catalogue: SqlCatalogue) -> None:
        await catalogue.put_categories([("b", Category(f"{n:04}", "x")) for n in range(2000)])
        for delay_s in (0.0, 0.0005, 0.002, 0.005, 0.01) * 4:
            calls = [asyncio.create_task(catalogue.categories_of("b")) for _ in range(10)]
            calls += [asyncio.create_task(catalogue.replace_categories("c", [Category("1", "y")])) for _ in range(4)]
            await asyncio.sleep(delay_s)
            for call in calls:
                call.cancel()
            await asyncio.gather(*calls, return_exceptions=True)
        assert [len(found) for found in await asyncio.gather(*(catalogue.categories_of("b") for _ in range(10)))] == (
            [2000] * 10
        )
        await catalogue.replace_categories("c", [Category("2", "z")])
        assert await catalogue.categories_of("c") == (Category("2", "z"),)

    async def test_it_answers_when_asked_whether_it_does(self, catalogue: SqlCatalogue) -> None:
        await catalogue.ping()

    async def test_the_loop_goes_on_while_much_is_read_and_written(self, catalogue: SqlCatalogue) -> None:
        gaps: list[float] = []
        loop = asyncio.get_running_loop()

        async def watch() -> None:
            last = loop.time()
            while True:
                await asyncio.sleep(0.002)
                gaps.append(loop.time() - last)
                last = loop.time()

        await catalogue.ping()
        watching = asyncio.create_task(watch())
        await catalogue.put_categories([("b", Category(f"{n:05}", f"Category {n}")) for n in range(5_000)])
        await catalogue.categories_of("b")
        await catalogue.take_idf_snapshot()
        watching.cancel()
        assert sorted(gaps)[-3] < 0.25


@pytest.mark.parametrize("url", ["", "nonsense", "postgresql+asyncpg://h/d", "mysql://h/d"])
def test_another_kind_of_database_is_a_mistake_of_the_operator(url: str) -> None:
    with pytest.raises(ConfigurationError, match="JUSTLENS_SQL_URL"):
        SqlCatalogue(url, timeout_s=1)


async def test_a_file_that_cannot_be_opened_is_unavailable(tmp_path: Path) -> None:
    store = SqlCatalogue(f"sqlite+aiosqlite:///{tmp_path / 'no' / 'such.sqlite'}", timeout_s=5)
    with pytest.raises(Unavailable, match="sql"):
        await store.ping()
    await store.close()

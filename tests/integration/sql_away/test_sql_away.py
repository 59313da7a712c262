"""The SQL catalogue whose MariaDB is killed, frozen or out of reach: unavailable in time, and well again afterwards."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from orchestrator.domain.catalogue.model import Category
from orchestrator.domain.errors import JobRefused, Unavailable
from orchestrator.domain.outcome import SetAltText
from orchestrator.stores.sql import SqlCatalogue
from tests.kit.away import TIMEOUT_S, is_unavailable
from tests.kit.faultproxy import FaultProxy
from tests.kit.mariadb import MariaDB
from tests.kit.sql_away import works_again

TEXT = SetAltText("b", "i", "1", "a bakery", "llava", "p1")


def calls_of(catalogue: SqlCatalogue) -> list[Callable[[], Awaitable[object]]]:
    return [
        lambda: catalogue.categories_of("b"),
        lambda: catalogue.put_categories([("b", Category("1", "Bakery"))]),
        lambda: catalogue.replace_categories("b", [Category("1", "Bakery")]),
        catalogue.take_idf_snapshot,
        catalogue.idf_snapshot,
        lambda: catalogue.set_alt_text(TEXT),
        lambda: catalogue.set_human_alt_text("b", "i", "mine", "2"),
        lambda: catalogue.alt_texts_of("b"),
        catalogue.ensure_schema,
        catalogue.ping,
    ]


async def test_every_call_gives_up_when_the_server_freezes_or_dies_and_works_when_it_is_back(
    shared_mariadb: MariaDB, database: str
) -> None:
    catalogue = SqlCatalogue(shared_mariadb.url(database), timeout_s=TIMEOUT_S)
    for take_away in (shared_mariadb.freeze, shared_mariadb.kill):
        await works_again(catalogue)
        take_away()
        said = await asyncio.gather(*(is_unavailable(call()) for call in calls_of(catalogue)))
        assert all(text.startswith("sql is not available") for text in said)
        shared_mariadb.ensure_running()
        await works_again(catalogue)
        assert await catalogue.set_alt_text(SetAltText("b", str(take_away), "1", "t", "m", "p"))
    await catalogue.close()


async def test_every_call_gives_up_behind_a_broken_route_and_works_when_it_is_mended(
    shared_mariadb: MariaDB, database: str
) -> None:
    async with FaultProxy(shared_mariadb.port) as proxy:
        catalogue = SqlCatalogue(shared_mariadb.url(database, port=proxy.port), timeout_s=TIMEOUT_S)
        for take_away in (proxy.black_hole, proxy.down, proxy.reset):
            await works_again(catalogue)
            await take_away()
            await asyncio.gather(*(is_unavailable(call()) for call in calls_of(catalogue)))
            await asyncio.gather(*(is_unavailable(catalogue.ping()) for _ in range(40)))
            await proxy.pass_through()
            await works_again(catalogue)
        await catalogue.close()


async def test_a_catalogue_that_never_met_its_server_says_so_without_the_password() -> None:
    catalogue = SqlCatalogue("mysql+aiomysql://user:hunter2@127.0.0.1:9/db", timeout_s=TIMEOUT_S)
    assert "hunter2" not in await is_unavailable(catalogue.ping())
    await catalogue.close()


async def test_a_wrong_password_is_unavailable_and_not_said(shared_mariadb: MariaDB, database: str) -> None:
    url = shared_mariadb.url(database).replace("root@", "root:hunter2@")
    catalogue = SqlCatalogue(url, timeout_s=TIMEOUT_S)
    said = await is_unavailable(catalogue.ping())
    assert "hunter2" not in said and "Access denied" in said
    await catalogue.close()


async def test_a_server_without_a_free_connection_is_unavailable(shared_mariadb: MariaDB, database: str) -> None:
    shared_mariadb.query("SET GLOBAL max_connections = 10")
    others = [SqlCatalogue(shared_mariadb.url(database), timeout_s=20) for _ in range(2)]
    try:
        calls = [other.alt_texts_of("b") for other in others for _ in range(8)]
        turned_away = [answer for answer in await asyncio.gather(*calls, return_exceptions=True) if answer != {}]
        assert all("Too many connections" in str(answer) for answer in turned_away)
        catalogue = SqlCatalogue(shared_mariadb.url(database), timeout_s=TIMEOUT_S)
        assert "Too many connections" in await is_unavailable(catalogue.ping())
        await catalogue.close()
    finally:
        for other in others:
            await other.close()
        shared_mariadb.query("SET GLOBAL max_connections = 30")


async def test_what_was_written_survives_a_kill(shared_mariadb: MariaDB, database: str) -> None:
    catalogue = SqlCatalogue(shared_mariadb.url(database), timeout_s=20)
    assert await catalogue.set_alt_text(TEXT)
    shared_mariadb.kill()
    shared_mariadb.start()
    await works_again(catalogue)
    assert (await catalogue.alt_texts_of("b"))["i"].alt_text == "a bakery"
    await catalogue.close()


async def test_a_replacement_cut_off_in_the_middle_leaves_the_old_categories(
    shared_mariadb: MariaDB, database: str
) -> None:
    old, new = (tuple(Category(f"{n:04}", name) for n in range(10)) for name in ("old", "new"))
    slow = "BEFORE INSERT ON categories FOR EACH ROW DO IF(NEW.name = 'new' AND NEW.category_id = '0009', SLEEP(2), 0)"
    shared_mariadb.query(f"CREATE TRIGGER slow {slow}", database=database)
    async with FaultProxy(shared_mariadb.port) as proxy:
        catalogue = SqlCatalogue(shared_mariadb.url(database, port=proxy.port), timeout_s=20)
        await catalogue.replace_categories("b", old)
        replacing = asyncio.create_task(catalogue.replace_categories("b", new))
        while not any("User sleep" in row for row in await asyncio.to_thread(shared_mariadb.query, "SHOW PROCESSLIST")):
            await asyncio.sleep(0.01)
        await proxy.down()
        with pytest.raises(Unavailable):
            await replacing
        await proxy.pass_through()
        await works_again(catalogue)
        assert await catalogue.categories_of("b") == old
        await catalogue.replace_categories("b", old[:1])  # once the server has noticed, and undone it
        assert await catalogue.categories_of("b") == old[:1]
        await catalogue.close()


async def test_a_call_that_waits_for_a_lock_gives_up_in_time(shared_mariadb: MariaDB, database: str) -> None:
    catalogue = SqlCatalogue(shared_mariadb.url(database), timeout_s=TIMEOUT_S)
    assert await catalogue.set_alt_text(TEXT)
    with shared_mariadb.connected(database) as holder, holder.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("UPDATE alttags SET model = 'held'")
        await asyncio.gather(*(is_unavailable(catalogue.set_alt_text(TEXT)) for _ in range(12)))
        assert (await catalogue.alt_texts_of("b"))["i"].model == "llava"
    assert not await catalogue.set_alt_text(TEXT)
    await catalogue.close()


async def test_values_that_only_the_server_refuses_are_the_jobs_fault(shared_mariadb: MariaDB, database: str) -> None:
    shared_mariadb.query("ALTER TABLE alttags MODIFY alt_text VARCHAR(5) CHARACTER SET ascii", database=database)
    catalogue = SqlCatalogue(shared_mariadb.url(database), timeout_s=20)
    for text in ("longer", "é"):
        with pytest.raises(JobRefused, match="store_refused"):
            await catalogue.set_alt_text(SetAltText("b", "i", "1", text, "m", "p"))
    assert await catalogue.set_alt_text(SetAltText("b", "i", "1", "short", "m", "p"))
    await catalogue.close()


async def test_connections_return_after_every_kind_of_failure(shared_mariadb: MariaDB, database: str) -> None:
    catalogue = SqlCatalogue(shared_mariadb.url(database), timeout_s=TIMEOUT_S)
    for _ in range(4):
        shared_mariadb.freeze()
        await asyncio.gather(*(is_unavailable(catalogue.ping()) for _ in range(10)))
        shared_mariadb.thaw()
    await works_again(catalogue)
    await catalogue.close()

"""What becomes of a write that the server undoes or refuses half way."""

import asyncio

import pytest

from orchestrator.domain.catalogue.model import Category
from orchestrator.domain.errors import JobRefused
from orchestrator.stores.sql import SqlCatalogue
from tests.kit.mariadb import MariaDB

WAITING = "SELECT 1 FROM information_schema.processlist WHERE db = '{}' AND info LIKE 'INSERT INTO categories%'"


async def test_the_victim_of_a_deadlock_is_repeated(mariadb: MariaDB, sql_database: str) -> None:
    catalogue = SqlCatalogue(mariadb.url(sql_database), timeout_s=20)
    await catalogue.ensure_schema()
    await catalogue.put_categories([("b", Category(name, "old")) for name in ("a", "z")])
    await catalogue.put_categories([("other", Category(f"{n}", "old")) for n in range(100)])
    deadlocks = "SELECT count FROM information_schema.innodb_metrics WHERE name = 'lock_deadlocks'"
    [(before,)] = mariadb.query(deadlocks)
    with mariadb.connected(sql_database) as holder, holder.cursor() as cursor:
        cursor.execute("BEGIN")
        # Of the two the server undoes the one that changed less, which is ours.
        cursor.execute("UPDATE categories SET name = 'held' WHERE business_id = 'other'")
        cursor.execute("UPDATE categories SET name = 'held' WHERE business_id = 'b' AND category_id = 'z'")
        ours = asyncio.create_task(catalogue.put_categories([("b", Category(name, "new")) for name in ("a", "z")]))
        while not mariadb.query(WAITING.format(sql_database)):
            await asyncio.sleep(0.05)
        await asyncio.to_thread(
            cursor.execute, "UPDATE categories SET is_hot = 1 WHERE business_id = 'b' AND category_id = 'a'"
        )
        cursor.execute("COMMIT")
    await ours
    [(after,)] = mariadb.query(deadlocks)
    assert int(after) == int(before) + 1
    assert await catalogue.categories_of("b") == (Category("a", "new"), Category("z", "new"))
    await catalogue.close()


async def test_a_replacement_that_the_server_refuses_half_way_is_undone(mariadb: MariaDB, sql_database: str) -> None:
    catalogue = SqlCatalogue(mariadb.url(sql_database), timeout_s=20)
    await catalogue.ensure_schema()
    await catalogue.replace_categories("b", [Category("1", "old")])
    mariadb.query("ALTER TABLE categories MODIFY name VARCHAR(5) COLLATE utf8mb4_bin NOT NULL", database=sql_database)
    with pytest.raises(JobRefused, match="store_refused"):
        await catalogue.replace_categories("b", [Category("2", "too long")])
    await catalogue.replace_categories("c", [Category("1", "other")])  # must not carry out what is left of the first
    assert await catalogue.categories_of("b") == (Category("1", "old"),)
    assert await catalogue.categories_of("c") == (Category("1", "other"),)
    await catalogue.close()

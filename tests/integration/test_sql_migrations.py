"""The tables: up and down on both databases, by the CLI of Alembic, and by several at once."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Connection, inspect

from orchestrator.domain.errors import ConfigurationError, Unavailable
from orchestrator.stores.sql import SqlCatalogue, schema
from orchestrator.stores.sql.database import Database
from orchestrator.stores.sql.tables import metadata
from tests.kit.mariadb import TABLES, MariaDB

ROOT = Path(__file__).parents[2]
OURS = {*TABLES, "alembic_version"}


@pytest.fixture(params=["sqlite", "mariadb"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Of an empty database, for a user who may change its tables."""
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path / 'catalogue.sqlite'}"
    server, database = request.getfixturevalue("mariadb"), request.getfixturevalue("sql_database")
    return str(server.url(database, user=server.make_owner(database)))


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    opened = Database(url, timeout_s=20)
    yield opened
    await opened.close()


async def tables(database: Database) -> set[str]:
    def names(connection: Connection) -> set[str]:
        return set(inspect(connection).get_table_names())

    return await database.run(lambda connection: connection.run_sync(names))


async def ensure_schema(url: str) -> None:
    catalogue = SqlCatalogue(url, timeout_s=20)
    try:
        await catalogue.ensure_schema()
    finally:
        await catalogue.close()


def alembic(url: str, *words: str) -> str:
    """The CLI as an operator runs it, from another folder than the checkout."""
    environment = {**os.environ, "JUSTLENS_SQL_URL": url}
    command_line = [sys.executable, "-W", "error", "-m", "alembic", "-c", str(ROOT / "deploy" / "alembic.ini"), *words]
    done = subprocess.run(
        command_line, cwd=ROOT / "tests", env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


async def test_the_tables_are_what_the_code_says_and_making_them_again_changes_nothing(
    url: str, database: Database
) -> None:
    await ensure_schema(url)
    await ensure_schema(url)
    assert await tables(database) == OURS

    def differences(connection: Connection) -> list[object]:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, metadata))

    assert await database.run(lambda connection: connection.run_sync(differences)) == []


async def test_the_cli_goes_up_down_and_up_again(url: str, database: Database) -> None:
    alembic(url, "upgrade", "head")
    assert await tables(database) == OURS
    alembic(url, "downgrade", "base")
    assert await tables(database) == {"alembic_version"}
    alembic(url, "upgrade", "head")
    assert await tables(database) == OURS
    await ensure_schema(url)


def test_the_script_for_an_operator_names_every_table() -> None:
    script = alembic("mysql+aiomysql://nobody@127.0.0.1:9/nothing", "upgrade", "head", "--sql")
    assert all(f"CREATE TABLE {name}" in script for name in OURS)


async def test_several_processes_at_once_make_the_tables_once(url: str, database: Database) -> None:
    code = (
        "import asyncio, sys\n"
        "from orchestrator.stores.sql import SqlCatalogue\n"
        "async def main():\n"
        "    catalogue = SqlCatalogue(sys.argv[1], timeout_s=20)\n"
        "    print('ready', flush=True)\n"
        "    sys.stdin.readline()\n"
        "    await catalogue.ensure_schema()\n"
        "    await catalogue.close()\n"
        "asyncio.run(main())\n"
    )
    processes = [
        await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", code, url),
            cwd=ROOT,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        for _ in range(3)
    ]
    for process in processes:
        assert process.stdout is not None and await process.stdout.readline()
    ends = await asyncio.gather(*(process.communicate(b"go\n") for process in processes))
    assert [process.returncode for process in processes] == [0, 0, 0], ends
    assert await tables(database) == OURS


async def test_many_tasks_of_one_process_may_ask_at_once(url: str, database: Database) -> None:
    await asyncio.gather(*(ensure_schema(url) for _ in range(4)))
    assert await tables(database) == OURS


async def test_a_migration_under_way_elsewhere_is_waited_for_and_then_given_up(
    mariadb: MariaDB, sql_database: str
) -> None:
    catalogue = SqlCatalogue(mariadb.url(sql_database), timeout_s=1)
    with mariadb.connected(sql_database) as other, other.cursor() as cursor:
        name = schema.lock_name(sql_database)
        cursor.execute("SELECT GET_LOCK(%s, 5)", (name,))
        with pytest.raises(Unavailable, match="another process"):
            await catalogue.ensure_schema()
    await catalogue.ensure_schema()
    await catalogue.close()


async def test_tables_of_a_newer_release_are_a_mistake_of_the_operator(url: str, database: Database) -> None:
    await ensure_schema(url)
    await database.run(lambda found: found.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(ConfigurationError, match="9999"):
        await ensure_schema(url)


async def test_a_user_who_may_not_make_tables_is_told_so(mariadb: MariaDB, sql_database: str) -> None:
    owner = mariadb.make_owner(sql_database)
    mariadb.query(f"REVOKE CREATE ON {sql_database}.* FROM {owner}")
    with pytest.raises(Unavailable, match="CREATE command denied"):
        await ensure_schema(mariadb.url(sql_database, user=owner))


async def test_the_tables_take_every_character_and_compare_bytes_whatever_the_databases_default(
    mariadb: MariaDB, sql_database: str
) -> None:
    await ensure_schema(mariadb.url(sql_database))
    collations = mariadb.query(
        "SELECT DISTINCT collation_name FROM information_schema.columns WHERE collation_name IS NOT NULL"
        f" AND table_schema = '{sql_database}' AND table_name IN {TABLES}"
    )
    assert collations == [("utf8mb4_bin",)]


def test_the_newest_migration_is_found_without_the_checkout() -> None:
    config = Config()
    config.set_main_option("script_location", "orchestrator.stores.sql:migrations")
    command.heads(config)

"""Migrations: what the CLI of Alembic runs, and the same from a running system."""

import asyncio
import hashlib
import threading
from collections.abc import Callable
from types import ModuleType
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.pool import NullPool

from orchestrator.domain.errors import ConfigurationError, Unavailable
from orchestrator.stores.sql.database import Database
from orchestrator.stores.sql.engines import SqlEngine
from orchestrator.stores.sql.errors import FOREIGN, translate
from orchestrator.stores.sql.tables import metadata

Context = EnvironmentContext | ModuleType
"""Alembic offers the methods of its context as a module, too."""

_LIMIT_S = 120.0
"""For all migrations together: a table may have to be rewritten."""

_ALEMBIC = threading.Lock()  # the context that a migration talks to is one per process, in Alembic itself


async def upgrade(database: Database, url: str, timeout_s: float) -> None:
    """Bring the tables up to the newest migration, off the loop. Repeating it, even at the same time, is harmless.

    Raises Unavailable, or ConfigurationError when the tables are at a migration that this release does not know.
    """
    present = await database.run(lambda connection: connection.run_sync(_revision))
    config = Config()
    config.set_main_option("script_location", "orchestrator.stores.sql:migrations")
    config.attributes.update(url=url, timeout_s=timeout_s)
    try:
        newest = await asyncio.to_thread(lambda: ScriptDirectory.from_config(config).get_current_head())
        if present != newest:
            await asyncio.to_thread(_to_newest, config)
    except CommandError as error:
        raise ConfigurationError([f"JUSTLENS_SQL_URL: {error}; is the database that of a newer release?"]) from error
    except FOREIGN as error:
        raise translate(error) from error


async def migrate(context: Context, url: str, timeout_s: float) -> None:
    """Run the migrations that ``context`` was asked for, one process at a time.

    ``timeout_s`` bounds connecting and waiting for another process's migrations, each. Raises what SQLAlchemy raises,
    and Unavailable when the other process does not come to an end.
    """
    engine = SqlEngine(url, timeout_s, poolclass=NullPool)
    try:
        async with asyncio.timeout(_LIMIT_S):
            async with asyncio.timeout(timeout_s):
                connection = await engine.connect()
            try:
                await _lock(connection, timeout_s)
                await connection.run_sync(_applied(context))
                if connection.dialect.name == "sqlite":
                    await connection.exec_driver_sql("COMMIT")
            finally:
                await connection.invalidate()  # which ends the lock, and on SQLite undoes what was not committed
                await connection.close()
    finally:
        await engine.dispose()


def write_script(context: Context, url: str) -> None:
    """Print the SQL of the migrations instead of running it, for those who run it by hand."""
    context.configure(url=url, target_metadata=metadata, literal_binds=True, dialect_opts={"paramstyle": "named"})
    with context.begin_transaction():
        context.run_migrations()


def lock_name(database: str) -> str:
    """The lock that whoever migrates this database holds. Locks belong to the server and their names are short."""
    return "justlens/" + hashlib.sha256(database.encode()).hexdigest()[:32]


async def _lock(connection: AsyncConnection, timeout_s: float) -> None:
    """Wait for whoever else migrates. On SQLite this begins the one transaction that all of it happens in."""
    if connection.dialect.name == "sqlite":
        await connection.exec_driver_sql("BEGIN IMMEDIATE")
        return
    name = lock_name(str(await connection.scalar(text("SELECT DATABASE()"))))
    locked = await connection.scalar(text("SELECT GET_LOCK(:name, :wait_s)"), {"name": name, "wait_s": timeout_s})
    if locked != 1:
        raise Unavailable("sql", "another process is changing the tables")


def _to_newest(config: Config) -> None:
    with _ALEMBIC:
        command.upgrade(config, "head")


def _applied(context: Context) -> Callable[[Connection], Any]:
    def work(connection: Connection) -> None:
        context.configure(connection=connection, target_metadata=metadata)
        context.run_migrations()

    return work


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()

"""Looking at a SQL database without changing it: what `justlens doctor` asks."""

import asyncio
from dataclasses import dataclass

from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncConnection

from orchestrator.stores.sql.database import Database
from orchestrator.stores.sql.tables import metadata


@dataclass(frozen=True, slots=True)
class SchemaState:
    """The migration the tables are at, None for tables that are not there, and the newest one of this release."""

    present: str | None
    newest: str | None


async def schema_state(url: str, timeout_s: float) -> SchemaState:
    """Raises Unavailable, or ConfigurationError for a URL that is none."""
    database = Database(url, timeout_s=timeout_s)
    try:
        present = await database.run(lambda connection: connection.run_sync(_present))
    finally:
        await database.close()
    return SchemaState(present, await asyncio.to_thread(_newest))


async def try_rights(url: str, timeout_s: float) -> None:
    """Read, insert, update and delete in every table, with conditions that no row fulfils: nothing is changed.

    Raises Unavailable with what the server says of a right that is missing.
    """
    database = Database(url, timeout_s=timeout_s)
    try:
        await database.run(_touch_every_table)
    finally:
        await database.close()


async def _touch_every_table(connection: AsyncConnection) -> None:
    for table in metadata.sorted_tables:
        column = next(iter(table.c))
        nothing = table.select().where(column != column)
        await connection.execute(nothing)
        await connection.execute(table.insert().from_select([one.name for one in table.c], nothing))
        await connection.execute(table.update().where(column != column).values({column.name: column}))
        await connection.execute(table.delete().where(column != column))


def _present(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _newest() -> str | None:
    config = Config()
    config.set_main_option("script_location", "orchestrator.stores.sql:migrations")
    return ScriptDirectory.from_config(config).get_current_head()

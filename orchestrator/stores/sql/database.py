"""One bounded call of a SQL database, whichever it is: its pool, its time limit, its errors."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from sqlalchemy import Row, Select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from orchestrator.stores.sql.engines import SqlEngine, give_up
from orchestrator.stores.sql.errors import FOREIGN, lost_race, translate

T = TypeVar("T")

_TRIES = 8
_ROWS_AT_ONCE = 500


class Database:
    """Runs work on a connection of a pool. ``timeout_s`` bounds every call, waiting for a connection included."""

    def __init__(self, url: str, *, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._engine = SqlEngine(url, timeout_s)
        self.dialect = self._engine.dialect

    async def run(self, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        """What ``work`` returns; repeated when the server undid it for another's sake. Statements commit by themselves.

        Raises Unavailable, or JobRefused for a value that the database will never take.
        """
        try:
            async with asyncio.timeout(self._timeout_s):
                for _ in range(_TRIES - 1):
                    try:
                        return await self._once(work)
                    except DBAPIError as error:
                        if not lost_race(error):
                            raise
                return await self._once(work)
        except FOREIGN as error:
            raise translate(error) from error

    async def close(self) -> None:
        """Let go of the connections; one whose server no longer listens is dropped."""
        with contextlib.suppress(*FOREIGN):
            async with asyncio.timeout(self._timeout_s):
                await self._engine.dispose()

    async def _once(self, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        async with self._engine.connect() as connection, _given_up_on_failure(connection):
            return await work(connection)


@asynccontextmanager
async def transaction(connection: AsyncConnection) -> AsyncIterator[None]:
    """Statements that happen together or not at all. A failure costs the connection, which undoes them."""
    await connection.exec_driver_sql("BEGIN")
    yield
    await connection.exec_driver_sql("COMMIT")


async def all_rows(connection: AsyncConnection, statement: Select[*tuple[Any, ...]]) -> list[Row[*tuple[Any, ...]]]:
    """Every row, read in parts: the driver decodes in Python, and many rows at once would hold up the loop."""
    rows: list[Row[*tuple[Any, ...]]] = []
    async with connection.stream(statement) as result:
        async for part in result.partitions(_ROWS_AT_ONCE):
            rows += part
            await asyncio.sleep(0)
    return rows


@asynccontextmanager
async def _given_up_on_failure(connection: AsyncConnection) -> AsyncIterator[None]:
    """What failed or was cancelled may have left answers unread or a transaction open: it must not be used again."""
    try:
        yield
    except BaseException:
        await give_up(connection)
        raise

"""One bounded call of a SQL database, whichever it is: its pool, its time limit, its errors."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from sqlalchemy import URL, Row, Select, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool

from orchestrator.domain.errors import ConfigurationError
from orchestrator.stores.sql.errors import FOREIGN, lost_race, translate

T = TypeVar("T")

_SERVER_CONNECTIONS = 8
_TRIES = 8
_RECYCLE_S = 1800
_ROWS_AT_ONCE = 500
_BUSY_SHARE = 0.5  # of the time limit: SQLite says "locked" before the call is given up
_TLS_OPTIONS = {"ssl_ca", "ssl_cert", "ssl_key"}


class Database:
    """Runs work on a connection of a pool. ``timeout_s`` bounds every call, waiting for a connection included."""

    def __init__(self, url: str, *, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._engine = open_engine(url, timeout_s)
        self.dialect = self._engine.dialect.name

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


def open_engine(url: str, timeout_s: float, **options: Any) -> AsyncEngine:
    """An engine for ``mysql+aiomysql`` or ``sqlite+aiosqlite`` whose statements commit by themselves.

    That leaves nothing to be rolled back when a connection returns to the pool, so returning it never waits for the
    server. Raises ConfigurationError for any other URL.
    """
    parsed = _checked(url)
    sqlite = parsed.drivername.startswith("sqlite")
    pool = {
        "poolclass": AsyncAdaptedQueuePool,
        "pool_size": 1 if sqlite else _SERVER_CONNECTIONS,  # SQLite has one writer; a queue is fair, its lock is not
        "max_overflow": 0,
        "pool_timeout": timeout_s,
        "pool_pre_ping": not sqlite,
        "pool_recycle": -1 if sqlite else _RECYCLE_S,
        "pool_use_lifo": True,
        "pool_reset_on_return": None,
    }
    engine = create_async_engine(
        parsed.difference_update_query(_TLS_OPTIONS),
        isolation_level="AUTOCOMMIT",
        skip_autocommit_rollback=True,
        hide_parameters=True,
        connect_args=_sqlite_arguments(timeout_s) if sqlite else _mysql_arguments(parsed, timeout_s),
        **(options or pool),
    )
    if sqlite:
        event.listen(engine.sync_engine, "connect", _prepare_sqlite)
    return engine


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
        await connection.invalidate()
        raise


def _checked(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise ConfigurationError(["sql_url: is no SQLAlchemy URL"]) from error
    if parsed.drivername not in ("mysql+aiomysql", "sqlite+aiosqlite"):
        raise ConfigurationError([f"sql_url: must begin with mysql+aiomysql://, not {parsed.drivername}://"])
    return parsed


def _sqlite_arguments(timeout_s: float) -> dict[str, Any]:
    return {"timeout": timeout_s * _BUSY_SHARE}


def _mysql_arguments(url: URL, timeout_s: float) -> dict[str, Any]:
    arguments: dict[str, Any] = {
        "charset": "utf8mb4",
        "sql_mode": "'TRADITIONAL'",  # refuses what it would otherwise shorten or replace
        "connect_timeout": timeout_s,
        # Without FOUND_ROWS, which SQLAlchemy asks for: a row that an upsert left alone must not be counted.
        "client_flag": 0,
    }
    options = {name: str(url.query[name]) for name in _TLS_OPTIONS if name in url.query}
    if options:
        context = ssl.create_default_context(cafile=options.get("ssl_ca"))
        if "ssl_cert" in options:
            context.load_cert_chain(options["ssl_cert"], options.get("ssl_key"))
        arguments["ssl"] = context
    return arguments


def _prepare_sqlite(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.close()

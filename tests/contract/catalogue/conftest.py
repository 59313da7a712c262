"""The SQL catalogue on a SQLite file and on a real MariaDB, there with the rights of the running system."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from orchestrator.stores.sql import SqlCatalogue


@pytest.fixture(params=["sqlite", "mariadb"])
async def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Of a database with its tables, for a user who may only use them."""
    if request.param == "sqlite":
        address = f"sqlite+aiosqlite:///{tmp_path / 'catalogue.sqlite'}"
        await _migrate(address)
        return address
    server, database = request.getfixturevalue("mariadb"), request.getfixturevalue("sql_database")
    await _migrate(server.url(database, user=server.make_owner(database)))
    return str(server.url(database, user=server.make_app(database)))


@pytest.fixture
async def catalogue(url: str) -> AsyncIterator[SqlCatalogue]:
    store = SqlCatalogue(url, timeout_s=20)
    await store.ensure_schema()  # which needs no rights when there is nothing to do
    yield store
    await store.close()


async def _migrate(url: str) -> None:
    store = SqlCatalogue(url, timeout_s=20)
    await store.ensure_schema()
    await store.close()

"""A MariaDB that a test may freeze and kill, and a database on it."""

from collections.abc import Iterator

import pytest

from orchestrator.stores.sql import SqlCatalogue
from tests.conftest import require
from tests.kit.mariadb import MariaDB
from tests.kit.mysql import sql_server


@pytest.fixture(scope="module")
def shared_mariadb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MariaDB]:
    require(sql_server().missing())
    server = sql_server()(tmp_path_factory.mktemp("mariadb-away"), ["--max-connections=30"])
    try:
        server.start()
        yield server
    finally:
        server.close()


@pytest.fixture
async def database(shared_mariadb: MariaDB) -> str:
    """A database with its tables on a MariaDB that the test may freeze and kill."""
    shared_mariadb.ensure_running()
    name = shared_mariadb.make_database()
    store = SqlCatalogue(shared_mariadb.url(name), timeout_s=20)
    await store.ensure_schema()
    await store.close()
    return name

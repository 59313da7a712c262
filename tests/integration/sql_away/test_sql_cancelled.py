"""Calls of the SQL catalogue that are cancelled while its MariaDB does not answer."""

import asyncio

from orchestrator.stores.sql import SqlCatalogue
from tests.kit.away import TIMEOUT_S
from tests.kit.mariadb import MariaDB
from tests.kit.sql_away import works_again


async def test_a_call_ends_however_far_it_had_come_when_it_was_cancelled(
    shared_mariadb: MariaDB, database: str
) -> None:
    catalogue = SqlCatalogue(shared_mariadb.url(database), timeout_s=20)
    shared_mariadb.freeze()
    try:
        for turns in range(60):
            call = asyncio.create_task(catalogue.ping())
            for _ in range(turns):
                await asyncio.sleep(0)
            call.cancel()
            done, _ = await asyncio.wait({call}, timeout=TIMEOUT_S)
            assert done, f"still waiting for the server after a cancellation in turn {turns}"
            assert call.cancelled()
    finally:
        shared_mariadb.thaw()
    await works_again(catalogue)
    await catalogue.close()

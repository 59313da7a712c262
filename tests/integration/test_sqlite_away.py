"""The SQL catalogue whose SQLite file is locked or damaged."""

import sqlite3
from pathlib import Path

import pytest

from orchestrator.domain.errors import Unavailable
from orchestrator.domain.outcome import SetAltText
from orchestrator.stores.sql import SqlCatalogue
from orchestrator.stores.sql.database import Database
from tests.kit.away import TIMEOUT_S, is_unavailable

TEXT = SetAltText("b", "i", "1", "a bakery", "llava", "p1")


async def test_a_locked_sqlite_file_is_unavailable_and_works_once_it_is_free(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.sqlite"
    catalogue = SqlCatalogue(f"sqlite+aiosqlite:///{path}", timeout_s=TIMEOUT_S)
    await catalogue.ensure_schema()
    other = sqlite3.connect(path)
    other.execute("BEGIN IMMEDIATE")
    assert "locked" in await is_unavailable(catalogue.set_alt_text(TEXT))
    assert "locked" in await is_unavailable(catalogue.replace_categories("b", []))
    assert await catalogue.alt_texts_of("b") == {}
    other.rollback()
    other.close()
    assert await catalogue.set_alt_text(TEXT)
    await catalogue.close()


async def test_a_damaged_sqlite_file_is_unavailable(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.sqlite"
    path.write_bytes(b"this is no database, " * 500)
    database = Database(f"sqlite+aiosqlite:///{path}", timeout_s=TIMEOUT_S)
    with pytest.raises(Unavailable):
        await database.run(lambda connection: connection.exec_driver_sql("SELECT 1"))
    await database.close()

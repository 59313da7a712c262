"""The running system may read and write rows of its tables, and nothing else."""

import pymysql
import pytest

from orchestrator.domain.catalogue.model import Category
from orchestrator.domain.outcome import SetAltText
from orchestrator.stores.sql import SqlCatalogue
from tests.kit.mariadb import MariaDB

FORBIDDEN = [
    "DROP TABLE alttags",
    "CREATE TABLE more (n INT)",
    "CREATE TEMPORARY TABLE more (n INT)",
    "ALTER TABLE alttags ADD COLUMN n INT",
    "CREATE INDEX more ON alttags (alt_text)",
    "TRUNCATE TABLE alttags",
    "UPDATE alembic_version SET version_num = 'x'",
    "DELETE FROM alembic_version",
    "SELECT * FROM mysql.global_priv",
    "SELECT 1 INTO OUTFILE '/tmp/justlens-forbidden'",
    "CREATE USER more",
    "GRANT SELECT ON alttags TO CURRENT_USER",
    "SET GLOBAL max_connections = 5",
    "CREATE DATABASE more",
    "CREATE TRIGGER more BEFORE INSERT ON alttags FOR EACH ROW SET NEW.alt_text = ''",
    "LOCK TABLES alttags WRITE",
    "SHUTDOWN",
]


async def test_the_running_system_needs_no_more_than_rows_and_may_not_have_more(
    mariadb: MariaDB, sql_database: str
) -> None:
    owner = SqlCatalogue(mariadb.url(sql_database, user=mariadb.make_owner(sql_database)), timeout_s=20)
    await owner.ensure_schema()
    await owner.close()
    app = mariadb.make_app(sql_database)
    catalogue = SqlCatalogue(mariadb.url(sql_database, user=app), timeout_s=20)
    await catalogue.ensure_schema()
    await catalogue.replace_categories("b", [Category("1", "Bakery")])
    assert await catalogue.set_alt_text(SetAltText("b", "i", "1", "t", "m", "p"))
    await catalogue.close()
    for statement in FORBIDDEN:
        with pytest.raises(pymysql.Error, match=r"denied|need \(at least one of\)|do not have the SUPER"):
            mariadb.query(statement, database=sql_database, user=app)
    other = mariadb.make_database()
    try:
        with pytest.raises(pymysql.Error, match="denied"):
            mariadb.query(f"SELECT 1 FROM {other}.alttags", database=sql_database, user=app)
    finally:
        mariadb.drop_database(other)

"""The users of the SQL database as deploy/mysql makes them. What each may do, row by row: test_sql_rights."""

import os
import subprocess
from urllib.parse import quote

import pymysql
import pytest

from orchestrator.domain.catalogue.model import Category
from orchestrator.stores.sql import SqlCatalogue
from tests.integration.least_privilege_kit import DEPLOY, PASSWORD
from tests.kit.mariadb import MariaDB


async def test_the_sql_files_make_users_who_own_and_users_who_work(mariadb: MariaDB) -> None:
    mariadb.ensure_running()
    try:
        run_sql(mariadb, "owner")
        owner = SqlCatalogue(sql_url(mariadb, "justlens_owner"), timeout_s=20)
        await owner.ensure_schema()
        await owner.close()
        run_sql(mariadb, "app")
        run_sql(mariadb, "app")
        app = SqlCatalogue(sql_url(mariadb, "justlens_app"), timeout_s=20)
        await app.ensure_schema()
        await app.replace_categories("b", [Category("1", "Bakery")])
        await app.close()
        grants = [row[0] for row in mariadb.query("SHOW GRANTS FOR justlens_app")]
        tables = {row[0] for row in mariadb.query("SHOW TABLES FROM justlens")}
        rows = [grant for grant in grants if "SELECT, INSERT, UPDATE, DELETE ON" in grant]
        assert len(rows) == len(tables) - 1 == len(grants) - 2  # the others: USAGE, and reading alembic_version
        with pytest.raises(pymysql.Error, match="denied"):
            _as(mariadb, "justlens_app", "DROP TABLE justlens.alttags")
        with pytest.raises(pymysql.Error, match="denied"):
            _as(mariadb, "justlens_owner", "SELECT * FROM mysql.global_priv")
    finally:
        mariadb.query("DROP DATABASE IF EXISTS justlens")
        mariadb.query("DROP USER IF EXISTS justlens_owner, justlens_app")


def run_sql(mariadb: MariaDB, which: str) -> None:
    """Run deploy/mysql/users.sh as its service does."""
    done = subprocess.run(
        ["sh", str(DEPLOY / "mysql" / "users.sh"), which],
        env={
            "PATH": os.environ["PATH"],
            "MYSQL_PORT": str(mariadb.port),
            "MYSQL_ROOT_PASSWORD": "",
            f"MYSQL_{which.upper()}_PASSWORD": PASSWORD,
        },
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def sql_url(mariadb: MariaDB, user: str) -> str:
    quoted = quote(PASSWORD, safe="")
    return f"mysql+aiomysql://{user}:{quoted}@127.0.0.1:{mariadb.port}/justlens"


def _as(mariadb: MariaDB, user: str, statement: str) -> None:
    connection = pymysql.connect(host="127.0.0.1", port=mariadb.port, user=user, password=PASSWORD)
    with connection, connection.cursor() as cursor:
        cursor.execute(statement)

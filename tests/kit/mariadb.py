"""A MariaDB of its own on a free port, with a fresh database per test and users with different rights."""

import os
import subprocess
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pymysql

from tests.kit.installation import Installation
from tests.kit.ports import free_port
from tests.kit.process import Server

TABLES = ("categories", "alttags", "idf_snapshots")


_HERE = Installation()


class MariaDB(Server):
    """A mariadbd whose committed data survive a kill. Its root needs no password and is reachable from here only."""

    name = "mariadb"

    def __init__(self, folder: Path, options: Sequence[str] = ()) -> None:
        super().__init__(folder)
        self.port = free_port()
        self.options = options

    @staticmethod
    def missing() -> str | None:
        """What to install if the server is not there, else None."""
        if _HERE.find("mariadbd") and _HERE.find("mariadb-install-db"):
            return None
        return "MariaDB is not installed: apt-get install mariadb-server"

    def start(self) -> None:
        """See Server. The first time it makes the server's own tables."""
        if not (self.folder / "data" / "mysql").is_dir():
            self._install()
        super().start()

    def command(self) -> Sequence[str]:
        options = {
            "datadir": self.folder / "data",
            "pid-file": self.folder / "pid",
            "tmpdir": self.folder,
            "port": self.port,
            "bind-address": "127.0.0.1",
            "innodb-buffer-pool-size": "64M",
            "innodb-log-file-size": "16M",
            "skip-name-resolve": 1,
            "performance-schema": 0,
        }
        named = [f"--{name}={value}" for name, value in options.items()]
        # mariadbd changes into its data folder, so a relative socket keeps short what the system limits to 107 bytes.
        return [str(_HERE.find("mariadbd")), "--no-defaults", *as_root(), *named, "--socket=../sock", *self.options]

    def answers(self) -> bool:
        try:
            with self.connected(timeout_s=1) as connection:
                connection.ping(reconnect=False)
            return True
        except (pymysql.Error, OSError):
            return False

    @contextmanager
    def connected(self, database: str | None = None, user: str = "root", timeout_s: int = 10) -> Iterator[Any]:
        """A blocking connection that commits by itself, for looking into the server."""
        connection = pymysql.connect(
            host="127.0.0.1",
            port=self.port,
            user=user,
            password="" if user == "root" else user,
            database=database,
            autocommit=True,
            charset="utf8mb4",
            connect_timeout=timeout_s,
            read_timeout=timeout_s,
        )
        try:
            yield connection
        finally:
            connection.close()

    def query(self, statement: str, *, database: str | None = None, user: str = "root") -> Sequence[tuple[Any, ...]]:
        """Run one statement; its rows."""
        with self.connected(database, user) as connection, connection.cursor() as cursor:
            cursor.execute(statement)
            return list(cursor.fetchall())

    def url(self, database: str, *, user: str = "root", port: int | None = None) -> str:
        """The SQLAlchemy URL of a database for a user; through ``port``, a proxy's, if given."""
        password = "" if user == "root" else f":{user}"
        return f"mysql+aiomysql://{user}{password}@127.0.0.1:{port or self.port}/{database}"

    def make_database(self) -> str:
        """A fresh database, by a name no other test has. Its default character set is not ours, on purpose."""
        name = f"t_{uuid.uuid4().hex[:12]}"
        self.query(f"CREATE DATABASE {name} CHARACTER SET latin1")
        return name

    def drop_database(self, name: str) -> None:
        """Remove a database and its users."""
        self.query(f"DROP DATABASE IF EXISTS {name}")
        self.query(f"DROP USER IF EXISTS {name}_app, {name}_owner")

    def make_owner(self, database: str) -> str:
        """A user who may change the tables of this database; the password is the name."""
        user = f"{database}_owner"
        self.query(f"CREATE USER {user} IDENTIFIED BY '{user}'")
        self.query(f"GRANT ALL ON {database}.* TO {user}")
        return user

    def make_app(self, database: str) -> str:
        """The user of the running system: reads and writes rows of its tables, nothing else."""
        user = f"{database}_app"
        self.query(f"CREATE USER {user} IDENTIFIED BY '{user}'")
        for table in TABLES:
            self.query(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {database}.{table} TO {user}")
        self.query(f"GRANT SELECT ON {database}.alembic_version TO {user}")
        return user

    def _install(self) -> None:
        command = [
            str(_HERE.find("mariadb-install-db")),
            "--no-defaults",
            f"--datadir={self.folder / 'data'}",
            f"--tmpdir={self.folder}",  # a mariadbd that starts empties its folder of temporary tables
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
            *as_root(),
        ]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=60, check=False, env=self.environment(), cwd=self.folder
        )
        if done.returncode:
            raise RuntimeError(f"mariadb-install-db failed:\n{done.stdout}{done.stderr}"[-4000:])


def as_root() -> list[str]:
    return ["--user=root"] if os.geteuid() == 0 else []

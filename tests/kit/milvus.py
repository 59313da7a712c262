"""A Milvus of its own on free ports: the real server, out of the wheel that carries it."""

import shutil
import sys
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
from pymilvus.grpc_gen import milvus_pb2, milvus_pb2_grpc

from tests.kit.ports import free_port
from tests.kit.process import Server

_UNPACKED = Path(__file__).parents[2] / "build" / "servers" / "milvus"

# Does, once, what the wheel's launcher does before it starts the server, then becomes the server: one process to kill.
# The launcher's template knows no ports for the etcd inside, which would take 2379 and 2380 of every server. After a
# kill the server waits for the sessions of the one before to end; one that is frozen for longer than that ends itself.
_LAUNCH = """
import os, sys
if not os.path.exists("configs/milvus.yaml"):
    sys.path.insert(0, sys.argv[1])
    import milvus
    config = milvus.MilvusServerConfig(data_dir=os.getcwd(), **dict(pair.split("=") for pair in sys.argv[2:]))
    milvus._initialize_data_files(os.getcwd())
    config.resolve()
    with open("configs/milvus.yaml") as written:
        text = written.read()
    with open("configs/milvus.yaml", "w") as mended:
        text = text.replace("etcd:\\n", f"etcd:\\n  config:\\n    path: {os.getcwd()}/etcd.yaml\\n", 1)
        mended.write(text.replace("ttl: 30 ", "ttl: 10 "))
os.execv("bin/milvus", ["bin/milvus", "run", "standalone"])
"""
_PORTS = (
    "root_coord",
    "proxy_internal",
    "query_coord",
    "query_node",
    "index_coord",
    "index_node",
    "data_coord",
    "data_node",
)


class Milvus(Server):
    """A stand-alone Milvus; what it answered for survives a kill."""

    name = "milvus"
    start_timeout_s = 120.0

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.port = free_port()
        self._ports = {name: free_port() for name in _PORTS}
        self._metrics_port = free_port()
        client, peer = f"http://127.0.0.1:{free_port()}", f"http://127.0.0.1:{free_port()}"
        (folder / "etcd.yaml").write_text(
            f"listen-client-urls: {client}\nadvertise-client-urls: {client}\nlisten-peer-urls: {peer}\n"
            f"initial-advertise-peer-urls: {peer}\ninitial-cluster: default={peer}\n"
        )

    @staticmethod
    def missing() -> str | None:
        """What to install if the server is not there, else None."""
        return None if _UNPACKED.is_dir() else "Milvus is not there: deploy/test-servers.sh"

    @property
    def url(self) -> str:
        """The URL of the default database."""
        return f"http://127.0.0.1:{self.port}"

    def url_of(self, database: str, port: int | None = None) -> str:
        """The URL of a database, through another port (a proxy's) when one is given."""
        return f"http://127.0.0.1:{port or self.port}/{database}"

    def command(self) -> Sequence[str]:
        ports = {"proxy": self.port, **self._ports}
        pairs = [f"{name}_port={port}" for name, port in ports.items()]
        return [sys.executable, "-c", _LAUNCH, str(_UNPACKED), *pairs]

    def environment(self) -> Mapping[str, str]:
        own = {"DEPLOY_MODE": "STANDALONE", "METRICS_PORT": str(self._metrics_port), "GOMAXPROCS": "2"}
        folders = {"MILVUS_RUN_DIR": str(self.folder / "run"), "LD_LIBRARY_PATH": str(self.folder / "bin")}
        return {**super().environment(), **own, **folders}

    def answers(self) -> bool:
        try:
            with self._asking() as stub:
                return bool(stub.CheckHealth(milvus_pb2.CheckHealthRequest(), timeout=2).isHealthy)
        except grpc.RpcError:
            return False

    def close(self) -> None:
        super().close()
        shutil.rmtree(self.folder, ignore_errors=True)  # half a gigabyte

    def make_database(self) -> str:
        """Create a database of a name no other test has; its name."""
        name = f"t_{uuid.uuid4().hex[:12]}"
        with self._asking() as stub:
            _succeeded(stub.CreateDatabase(milvus_pb2.CreateDatabaseRequest(db_name=name), timeout=20))
        return name

    def drop_database(self, name: str) -> None:
        """Remove a database and what is in it."""
        inside = [("dbname", name)]
        with self._asking() as stub:
            shown = stub.ShowCollections(milvus_pb2.ShowCollectionsRequest(), timeout=20, metadata=inside)
            for found in shown.collection_names:
                request = milvus_pb2.DropCollectionRequest(collection_name=found)
                _succeeded(stub.DropCollection(request, timeout=20, metadata=inside))
            _succeeded(stub.DropDatabase(milvus_pb2.DropDatabaseRequest(db_name=name), timeout=20))

    @contextmanager
    def _asking(self) -> Iterator[Any]:
        with grpc.insecure_channel(f"127.0.0.1:{self.port}", options=[("grpc.enable_http_proxy", 0)]) as channel:
            yield milvus_pb2_grpc.MilvusServiceStub(channel)


def _succeeded(status: Any) -> None:
    assert status.code == 0 and status.error_code == 0, status

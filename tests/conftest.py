"""Fixtures for the real servers. Each starts at its first use, once per run, and is gone when the run ends."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.kit.deployment import Servers
from tests.kit.leftovers import pytest_configure as pytest_configure
from tests.kit.leftovers import pytest_sessionfinish as pytest_sessionfinish
from tests.kit.mariadb import MariaDB
from tests.kit.milvus import Milvus
from tests.kit.mongod import Mongod
from tests.kit.mysql import sql_server
from tests.kit.process import Server
from tests.kit.rabbitmq import RabbitMQ
from tests.kit.s3 import S3Server
from tests.kit.triton import MODELS, Triton

# What the developer's shell says about a deployment must not reach the tests, not even those that import settings.
for _name in [name for name in os.environ if name.upper().startswith("JUSTLENS_")]:
    del os.environ[_name]


TESTS = Path(__file__).parent
SLOWEST_FIRST = ("faults", "e2e", "integration", "contract", "unit", "bench")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files of slow tests come first, so that the processes of a parallel run end at about the same time."""
    items.sort(key=lambda item: SLOWEST_FIRST.index(item.path.relative_to(TESTS).parts[0]))


def require(missing: str | None) -> None:
    """Skip the test when a server is not installed; on CI (CI=true) fail it, because there it must be."""
    if missing is None:
        return
    if os.environ.get("CI", "").lower() in ("1", "true", "yes"):
        pytest.fail(missing, pytrace=False)
    pytest.skip(missing)


def _running(server: Server) -> Iterator[Server]:
    try:
        server.start()
        yield server
    finally:
        server.close()


@pytest.fixture(scope="session")
def server_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the servers of this run keep their data."""
    return tmp_path_factory.mktemp("servers")


@pytest.fixture(scope="session")
def rabbitmq(server_folder: Path) -> Iterator[Server]:
    """The run's RabbitMQ. Its statistics are one second old at most, so that totals can be polled."""
    require(RabbitMQ.missing())
    node = RabbitMQ(
        server_folder / "rabbitmq",
        config=["collect_statistics_interval = 1000"],
        rabbit_env={"quorum_tick_interval": 500},
    )
    yield from _running(node)


@pytest.fixture(scope="session")
def mongod(server_folder: Path) -> Iterator[Server]:
    """The run's mongod."""
    require(Mongod.missing())
    yield from _running(Mongod(server_folder / "mongod"))


@pytest.fixture(scope="session")
def mariadb(server_folder: Path) -> Iterator[Server]:
    """The run's MariaDB."""
    require(sql_server().missing())
    yield from _running(sql_server()(server_folder / "mariadb"))


@pytest.fixture(scope="session")
def s3_server(server_folder: Path) -> Iterator[Server]:
    """The run's S3 server."""
    require(S3Server.missing())
    yield from _running(S3Server(server_folder / "s3"))


@pytest.fixture(scope="session")
def triton(server_folder: Path) -> Iterator[Server]:
    """The run's tritonserver: both model directories, over tiny random weights of the right architectures."""
    require(Triton.missing())
    from tests.kit.tiny_vlm import build_tiny_llava, build_tiny_mllama  # brings torch along

    weights = server_folder / "weights"
    build_tiny_llava(weights / "llava-1.5-7b-hf")
    build_tiny_mllama(weights / "Llama-3.2-11B-Vision-Instruct")
    yield from _running(Triton(server_folder / "triton", MODELS, {"JUSTLENS_WEIGHTS": str(weights)}))


@pytest.fixture(scope="session")
def milvus(server_folder: Path) -> Iterator[Server]:
    """The run's Milvus."""
    require(Milvus.missing())
    yield from _running(Milvus(server_folder / "milvus"))


@pytest.fixture
def vhost_name(rabbitmq: RabbitMQ) -> Iterator[str]:
    """The name of a fresh vhost, removed afterwards."""
    rabbitmq.ensure_running()
    name = rabbitmq.add_vhost()
    try:
        yield name
    finally:
        rabbitmq.ensure_running()
        rabbitmq.delete_vhost(name)


@pytest.fixture
def vhost(rabbitmq: RabbitMQ, vhost_name: str) -> str:
    """The AMQP URL of a fresh vhost (the one ``vhost_name`` names)."""
    return rabbitmq.amqp_url(vhost_name)


@pytest.fixture
def mongo_database(mongod: Mongod) -> Iterator[str]:
    """The name of a fresh database, dropped afterwards."""
    mongod.ensure_running()
    name = mongod.new_database_name()
    try:
        yield name
    finally:
        mongod.ensure_running()
        mongod.drop_database(name)


@pytest.fixture
def sql_database(mariadb: MariaDB) -> Iterator[str]:
    """The name of a fresh SQL database without tables, dropped afterwards with its users."""
    mariadb.ensure_running()
    name = mariadb.make_database()
    try:
        yield name
    finally:
        mariadb.ensure_running()
        mariadb.drop_database(name)


@pytest.fixture
def milvus_url(milvus: Milvus) -> Iterator[str]:
    """The URL of a fresh database of the run's Milvus, dropped afterwards."""
    milvus.ensure_running()
    name = milvus.make_database()
    try:
        yield milvus.url_of(name)
    finally:
        milvus.ensure_running()
        milvus.drop_database(name)


@pytest.fixture
def bucket(s3_server: S3Server) -> Iterator[str]:
    """The name of a fresh bucket, removed afterwards. A restart of the server loses it."""
    s3_server.ensure_running()
    name = s3_server.make_bucket()
    try:
        yield name
    finally:
        s3_server.ensure_running()
        s3_server.drop_bucket(name)


@pytest.fixture
def servers(
    rabbitmq: RabbitMQ, vhost_name: str, mongod: Mongod, mongo_database: str, s3_server: S3Server, bucket: str
) -> Servers:
    """The run's real servers, with a vhost, a database and a bucket of the test's own."""
    return Servers(rabbitmq, vhost_name, mongod, mongo_database, s3_server, bucket)


@pytest.fixture
def all_servers(servers: Servers, mariadb: MariaDB, sql_database: str, milvus: Milvus, milvus_url: str) -> Servers:
    """What the relevance road runs on: the servers of the enhancement road, MariaDB and Milvus, each as good as new."""
    database = milvus_url.rpartition("/")[2]
    return replace(servers, mariadb=mariadb, sql_database=sql_database, milvus=milvus, milvus_database=database)

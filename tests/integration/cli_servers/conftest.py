"""The command line on real servers, with a worker that no test changes."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.stores.sql import SqlCatalogue
from tests.kit.cli import Cli
from tests.kit.mariadb import MariaDB
from tests.kit.mongod import Mongod
from tests.kit.orchestrators import ROOT, Processes
from tests.kit.ports import free_port
from tests.kit.rabbitmq import RabbitMQ
from tests.kit.s3 import ACCESS_KEY, REGION, SECRET_KEY, S3Server

MODELS = ("clip", "text", "vlm")


@pytest.fixture(scope="package")
def workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The URL of one stub worker per pool."""
    processes = Processes(tmp_path_factory.mktemp("workers"))
    ports = {name: free_port() for name in ("enhance", *MODELS)}
    try:
        processes.start_worker(ports["enhance"], 0.0)
        for name in MODELS:
            processes.start_model(name, ports[name], 0.0)
        yield {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}
    finally:
        processes.close()


@pytest.fixture
def worker_url(workers: dict[str, str]) -> str:
    return workers["enhance"]


@pytest.fixture
def sql_url(mariadb: MariaDB, sql_database: str) -> str:
    """A database whose tables are there, for a user who may change no table."""

    async def migrate() -> None:
        catalogue = SqlCatalogue(mariadb.url(sql_database), timeout_s=10)
        try:
            await catalogue.ensure_schema()
        finally:
            await catalogue.close()

    asyncio.run(migrate())
    return mariadb.url(sql_database, user=mariadb.make_app(sql_database))


@pytest.fixture
def cli(
    tmp_path: Path,
    rabbitmq: RabbitMQ,
    vhost: str,
    mongod: Mongod,
    mongo_database: str,
    s3_server: S3Server,
    bucket: str,
    sql_url: str,
    milvus_url: str,
    workers: dict[str, str],
) -> Cli:
    settings = {
        "mode": "servers",
        "queues_file": str(ROOT / "queues.yaml"),
        "amqp_url": vhost,
        "management_url": rabbitmq.management_url,
        "mongo_url": mongod.url,
        "mongo_database": mongo_database,
        "s3_endpoint": s3_server.endpoint,
        "s3_bucket": bucket,
        "s3_region": REGION,
        "s3_access_key": ACCESS_KEY,
        "s3_secret_key": SECRET_KEY,
        "sql_url": sql_url,
        "milvus_url": milvus_url,
        "endpoints": json.dumps({name: [url] for name, url in workers.items()}),
    }
    # Without the folder of rabbitmqctl, which would be asked for a node that is none of these.
    path = {"PATH": "/usr/bin:/bin"}
    return Cli(tmp_path, {f"JUSTLENS_{name.upper()}": value for name, value in settings.items()} | path)

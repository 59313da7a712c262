"""The command line on real servers, with a worker that no test changes."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kit.cli import Cli
from tests.kit.mongod import Mongod
from tests.kit.orchestrators import ROOT, Processes
from tests.kit.process import free_port
from tests.kit.rabbitmq import RabbitMQ
from tests.kit.s3 import ACCESS_KEY, REGION, SECRET_KEY, S3Server


@pytest.fixture(scope="package")
def worker_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    processes = Processes(tmp_path_factory.mktemp("workers"))
    try:
        port = free_port()
        processes.start_worker(port, 0.0)
        yield f"http://127.0.0.1:{port}"
    finally:
        processes.close()


@pytest.fixture
def cli(
    tmp_path: Path,
    rabbitmq: RabbitMQ,
    vhost: str,
    mongod: Mongod,
    mongo_database: str,
    s3_server: S3Server,
    bucket: str,
    worker_url: str,
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
        "endpoints": json.dumps({"enhance": [worker_url]}),
    }
    return Cli(tmp_path, {f"JUSTLENS_{name.upper()}": value for name, value in settings.items()})

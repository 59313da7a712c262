"""What the fault tests share: a seed that a failure tells."""

import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import require
from tests.kit.deployment import Servers
from tests.kit.mongod import Mongod
from tests.kit.rabbitmq import RabbitMQ
from tests.kit.s3 import S3Server


@pytest.fixture
def seed() -> int:
    """A new seed each time, printed; FAULT_SEED repeats one."""
    value = int(os.environ.get("FAULT_SEED") or random.randrange(10**6))
    print(f"FAULT_SEED={value}")
    return value


@pytest.fixture(scope="session")
def own_rabbitmq(server_folder: Path) -> Iterator[RabbitMQ]:
    """A RabbitMQ for the tests that kill, freeze or starve it; the others never meet it."""
    require(RabbitMQ.missing())
    node = RabbitMQ(
        server_folder / "rabbitmq-outages",
        config=["collect_statistics_interval = 1000"],
        rabbit_env={"quorum_tick_interval": 500},
    )
    try:
        node.start()
        yield node
    finally:
        node.close()


@pytest.fixture
def servers_with_own_broker(
    own_rabbitmq: RabbitMQ, mongod: Mongod, mongo_database: str, s3_server: S3Server, bucket: str
) -> Servers:
    """The run's real servers, with a RabbitMQ to break. Its vhost goes with it: removing one after a kill is slow."""
    own_rabbitmq.ensure_running()
    return Servers(own_rabbitmq, own_rabbitmq.add_vhost(), mongod, mongo_database, s3_server, bucket)

"""What the fault tests share: the servers of one deployment, and a seed that a failure tells."""

import os
import random

import pytest

from tests.kit.deployment import Servers
from tests.kit.mongod import Mongod
from tests.kit.rabbitmq import RabbitMQ
from tests.kit.s3 import S3Server


@pytest.fixture
def servers(
    rabbitmq: RabbitMQ, vhost_name: str, mongod: Mongod, mongo_database: str, s3_server: S3Server, bucket: str
) -> Servers:
    """The run's real servers, with a vhost, a database and a bucket of the test's own."""
    return Servers(rabbitmq, vhost_name, mongod, mongo_database, s3_server, bucket)


@pytest.fixture
def seed() -> int:
    """A new seed each time, printed; FAULT_SEED repeats one."""
    value = int(os.environ.get("FAULT_SEED") or random.randrange(10**6))
    print(f"FAULT_SEED={value}")
    return value

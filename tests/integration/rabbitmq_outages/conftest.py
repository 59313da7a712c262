"""A RabbitMQ node of these tests' own, which they kill, freeze and starve, and a client of it."""

from collections.abc import AsyncIterator, Iterator

import pytest

from orchestrator.runtime.rabbitmq import RabbitBroker
from tests.conftest import require
from tests.integration.rabbitmq_kit import TIMEOUT_S, client, pipeline
from tests.kit.rabbitmq import RabbitMQ

# How long the broker waits for the error queue's confirm before it sends a dead letter again (180 s unless told).
DEAD_LETTER_AGAIN_MS = 2000


@pytest.fixture(scope="package")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitMQ]:
    require(RabbitMQ.missing())
    server = RabbitMQ(
        tmp_path_factory.mktemp("rabbitmq-outages"),
        config=["collect_statistics_interval = 1000"],
        rabbit_env={"dead_letter_worker_publisher_confirm_timeout": DEAD_LETTER_AGAIN_MS},
    )
    try:
        server.start()
        yield server
    finally:
        server.kill()
        server.stop()


@pytest.fixture
def url(node: RabbitMQ) -> str:
    """A fresh vhost, left to go with the node: a node that was killed takes seconds to remove one."""
    node.ensure_running()
    return node.amqp_url(node.add_vhost())


@pytest.fixture
async def broker(url: str, node: RabbitMQ) -> AsyncIterator[RabbitBroker]:
    async with client(url, node.management_url, publish_timeout_s=TIMEOUT_S) as broker:
        await broker.apply_topology(pipeline(delivery_limit=2))
        yield broker
        node.thaw()

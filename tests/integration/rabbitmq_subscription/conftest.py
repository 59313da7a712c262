"""A client of the real broker, with management API and a delivery limit of two."""

from collections.abc import AsyncIterator

import pytest

from orchestrator.runtime.rabbitmq import RabbitBroker
from tests.integration.rabbitmq_kit import client, pipeline
from tests.kit.rabbitmq import RabbitMQ


@pytest.fixture
async def broker(vhost: str, rabbitmq: RabbitMQ) -> AsyncIterator[RabbitBroker]:
    async with client(vhost, rabbitmq.management_url) as broker:
        await broker.apply_topology(pipeline(delivery_limit=2))
        yield broker

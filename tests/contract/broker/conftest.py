"""Every broker: the embedded one and a real RabbitMQ."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from orchestrator.config import load_settings
from orchestrator.runtime.local import LocalBroker
from orchestrator.runtime.ports import Broker
from orchestrator.runtime.rabbitmq import RabbitBroker
from tests.kit.broker_contract import pipeline


@pytest.fixture(params=["embedded", "rabbitmq"])
async def broker(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Broker]:
    opened: Broker
    if request.param == "embedded":
        opened = await LocalBroker(tmp_path / "broker.sqlite", pipeline()).open()
    else:
        opened = await open_rabbitmq(request)
    yield opened
    await opened.close()


async def open_rabbitmq(request: pytest.FixtureRequest) -> Broker:
    url = request.getfixturevalue("vhost")
    management_url = request.getfixturevalue("rabbitmq").management_url
    broker = RabbitBroker(load_settings(amqp_url=url, management_url=management_url, publish_timeout_s=10))
    await broker.apply_topology(pipeline())
    return broker

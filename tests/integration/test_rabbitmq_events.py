"""Completion events on the real broker: whoever has bound a queue hears them, and nobody has to."""

import asyncio
import json
from collections.abc import AsyncIterator

import aio_pika
import pytest

from orchestrator.domain.errors import Unavailable
from orchestrator.domain.events import EVENTS_EXCHANGE
from orchestrator.domain.outcome import Announce
from orchestrator.runtime.rabbitmq import RabbitBroker
from tests.integration.rabbitmq_kit import QUEUE, client, message, pipeline
from tests.kit.rabbitmq import RabbitMQ

SCORED = Announce("image.scored", "acme", "17", "0190c0de-0000-7000-8000-000000000001", "1700000000000-x")


@pytest.fixture
async def broker(vhost: str, rabbitmq: RabbitMQ) -> AsyncIterator[RabbitBroker]:
    async with client(vhost, rabbitmq.management_url) as broker:
        await broker.apply_topology(pipeline())
        yield broker


async def test_a_listener_hears_what_it_asked_for(broker: RabbitBroker, vhost: str) -> None:
    async with await aio_pika.connect(vhost) as connection:
        channel = await connection.channel()
        heard = await channel.declare_queue(exclusive=True)
        await heard.bind(EVENTS_EXCHANGE, "image.scored")

        await broker.announce(Announce("image.enhanced", "acme", "17", SCORED.job_id, SCORED.version))
        await broker.announce(SCORED)

        event = await asyncio.wait_for(heard.get(timeout=10), 10)
        assert event is not None
        body = json.loads(event.body)
        assert body.pop("at") > 1_700_000_000_000
        assert body == {
            "schema": "justlens.event/1",
            "event": "image.scored",
            "business_id": "acme",
            "image_id": "17",
            "job_id": SCORED.job_id,
            "version": SCORED.version,
        }
        assert event.correlation_id == SCORED.job_id
        assert await heard.get(fail=False, no_ack=True) is None


async def test_an_event_that_nobody_listens_to_is_no_error(broker: RabbitBroker) -> None:
    await broker.announce(SCORED)


async def test_an_exchange_that_has_gone_is_an_outage_and_no_job_is_held_up(
    broker: RabbitBroker, rabbitmq: RabbitMQ, vhost_name: str
) -> None:
    await broker.announce(SCORED)
    rabbitmq.api("DELETE", f"/api/exchanges/{vhost_name}/{EVENTS_EXCHANGE}")
    with pytest.raises(Unavailable):
        await broker.announce(SCORED)
    await broker.publish(QUEUE, message())

    assert [str(d) for d in await broker.diff_topology(pipeline())] == [
        f"{EVENTS_EXCHANGE}: the exchange should be there and is absent"
    ]
    await broker.apply_topology(pipeline())
    await broker.announce(SCORED)

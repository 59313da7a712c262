"""What the real broker says about its queues and its clients."""

import asyncio

from orchestrator.runtime.rabbitmq import RabbitBroker
from tests.integration.rabbitmq_kit import QUEUE, client, eventually, message, publish
from tests.kit.deliveries import take
from tests.kit.rabbitmq import RabbitMQ


async def test_depth_counts_ready_unacked_and_consumers(broker: RabbitBroker) -> None:
    await publish(broker, "1", "2", "3")
    subscription = await broker.subscribe(QUEUE)
    await take(subscription)

    async def counted() -> bool:
        depth = await broker.depth(QUEUE)
        return (depth.ready, depth.unacked, depth.total, depth.consumers) == (2, 1, 3, 1)

    await eventually(counted, "the statistics")


async def test_without_the_management_api_depth_knows_what_is_ready(vhost: str, broker: RabbitBroker) -> None:
    await publish(broker, "1", "2")
    async with client(vhost) as other:
        depth = await other.depth(QUEUE)
    assert (depth.ready, depth.unacked, depth.total, depth.consumers) == (2, 0, 2, 0)


async def test_the_broker_is_attached_once_both_connections_answer(broker: RabbitBroker) -> None:
    assert not broker.attached()
    await broker.subscribe(QUEUE)

    async def attached() -> bool:
        return broker.attached()

    await eventually(attached, "both connections")
    await broker.close()
    assert not broker.attached()


async def test_each_process_has_two_named_connections_with_a_short_heartbeat(
    broker: RabbitBroker, rabbitmq: RabbitMQ, vhost_name: str
) -> None:
    await broker.publish(QUEUE, message())
    await broker.subscribe(QUEUE)

    async def listed() -> bool:
        found = await asyncio.to_thread(rabbitmq.api, "GET", f"/api/vhosts/{vhost_name}/connections")
        seen = sorted((c["client_properties"]["connection_name"], c["timeout"]) for c in found if "timeout" in c)
        return seen == [("justlens-consume", 5), ("justlens-publish", 5)]

    await eventually(listed, "the connections to be listed")

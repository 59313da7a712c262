"""What happens when the broker is short of memory, or of a queue."""

import asyncio

import aio_pika
import pytest

from orchestrator.domain.errors import PublishUnconfirmed, Unavailable
from orchestrator.domain.queue_names import error_queue
from orchestrator.runtime.rabbitmq import RabbitBroker
from tests.integration.rabbitmq_kit import QUEUE, drain, eventually, message, pipeline, published
from tests.kit.rabbitmq import RabbitMQ


async def test_an_alarm_stops_publishers_without_a_copy_per_try_and_consumers_go_on(
    broker: RabbitBroker, node: RabbitMQ
) -> None:
    await published(broker, "before")
    subscription = await broker.subscribe(QUEUE)
    await asyncio.to_thread(node.rabbitmqctl, "set_vm_memory_high_watermark", "0.000001")
    try:
        with pytest.raises(PublishUnconfirmed):
            await broker.publish(QUEUE, message("blocked"))
        for _ in range(2):
            with pytest.raises(Unavailable, match="alarm") as surely_not:
                await broker.publish(QUEUE, message("blocked"))
            assert type(surely_not.value) is Unavailable
        delivery = await subscription.next(timeout_s=10)
        assert delivery is not None
        await broker.ack(delivery)
    finally:
        await asyncio.to_thread(node.rabbitmqctl, "set_vm_memory_high_watermark", "0.4")
    await subscription.close()
    await eventually(lambda: published(broker, "after"), "a publish after the alarm")
    arrived = await drain(broker, QUEUE)
    assert arrived.count("after") == 1 and arrived.count("blocked") <= 1  # one that was unconfirmed may be there


async def test_a_dead_letter_waits_at_its_source_while_the_error_queue_is_away(broker: RabbitBroker, url: str) -> None:
    async with await aio_pika.connect(url) as plain:
        await (await plain.channel()).queue_delete(error_queue(QUEUE))
    await published(broker, "precious")
    for _ in range(3):
        subscription = await broker.subscribe(QUEUE)
        assert await subscription.next(timeout_s=10) is not None
        await subscription.close()

    async def in_transit() -> bool:
        depth = await broker.depth(QUEUE)
        return (depth.ready, depth.unacked, depth.total) == (0, 0, 1)

    await eventually(in_transit, "the message to show in the total only")
    await broker.apply_topology(pipeline(delivery_limit=2))
    arrived = await (await broker.subscribe(error_queue(QUEUE))).next(timeout_s=30)
    assert arrived is not None
    assert arrived.body == b"precious"

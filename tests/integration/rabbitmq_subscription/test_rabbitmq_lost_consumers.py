"""Consumers of the real broker that are closed, cancelled or refused: how they find out, and what comes again."""

import asyncio

import aio_pika
import pytest

from orchestrator.domain.errors import SubscriptionLost, Unroutable
from orchestrator.domain.queue_names import error_queue
from orchestrator.runtime.rabbitmq import RabbitBroker
from tests.integration.rabbitmq_kit import QUEUE, drain, pipeline, publish
from tests.kit.deliveries import take


async def test_closing_gives_back_what_was_not_acked(broker: RabbitBroker) -> None:
    await publish(broker, "mine")
    subscription = await broker.subscribe(QUEUE)
    delivery = await take(subscription)
    await subscription.close()
    with pytest.raises(SubscriptionLost):
        await subscription.next()
    await broker.ack(delivery)
    await broker.requeue(delivery)
    assert await drain(broker, QUEUE) == ["mine"]


async def test_subscribing_to_a_queue_that_does_not_exist_raises_unroutable(broker: RabbitBroker) -> None:
    with pytest.raises(Unroutable, match="nowhere"):
        await broker.subscribe("nowhere")
    with pytest.raises(Unroutable, match="nowhere"):
        await broker.depth("nowhere")
    assert (await broker.depth(QUEUE)).ready == 0


async def test_deleting_the_queue_loses_the_subscription_at_once(broker: RabbitBroker, vhost: str) -> None:
    waiting = asyncio.create_task((await broker.subscribe(QUEUE)).next())
    async with await aio_pika.connect(vhost) as plain:
        await (await plain.channel()).queue_delete(QUEUE)
    with pytest.raises(SubscriptionLost, match="cancelled by the broker"):
        await asyncio.wait_for(waiting, 5)
    await broker.apply_topology(pipeline(delivery_limit=2))
    await publish(broker, "new")
    assert (await take(await broker.subscribe(QUEUE))).body == b"new"


async def test_a_channel_the_broker_closes_loses_only_its_own_subscription(broker: RabbitBroker) -> None:
    await publish(broker, "one")
    subscription = await broker.subscribe(QUEUE)
    bystander = await broker.subscribe(error_queue(QUEUE))
    delivery = await take(subscription)
    await broker.ack(delivery)
    await broker.ack(delivery)  # the broker closes the channel: unknown delivery tag
    with pytest.raises(SubscriptionLost, match="unknown delivery tag"):
        await subscription.next(timeout_s=10)
    assert await bystander.next(timeout_s=0.05) is None
    assert await drain(broker, QUEUE) == []


async def test_a_delivery_of_a_lost_channel_cannot_be_settled_and_comes_again(
    broker: RabbitBroker,
) -> None:
    await publish(broker, "poison", "one")
    subscription = await broker.subscribe(QUEUE, prefetch=2)
    first, second = await take(subscription), await take(subscription)
    await broker.ack(first)
    await broker.ack(first)
    with pytest.raises(SubscriptionLost):
        await subscription.next(timeout_s=10)
    await broker.ack(second)
    assert await drain(broker, QUEUE) == ["one"]

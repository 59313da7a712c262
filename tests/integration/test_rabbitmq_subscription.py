"""Consuming from the real broker: what is delivered, how often, and how a lost consumer finds out."""

import asyncio
import time
from collections.abc import AsyncIterator

import aio_pika
import pytest

from orchestrator.domain.errors import SubscriptionLost, Unroutable
from orchestrator.domain.queue_names import error_queue, retry_queue
from orchestrator.runtime.ports import Delivery, Subscription
from orchestrator.runtime.rabbitmq import RabbitBroker
from tests.integration.rabbitmq_kit import QUEUE, client, drain, eventually, message, pipeline
from tests.kit.rabbitmq import RabbitMQ


@pytest.fixture
async def broker(vhost: str, rabbitmq: RabbitMQ) -> AsyncIterator[RabbitBroker]:
    async with client(vhost, rabbitmq.management_url) as broker:
        await broker.apply_topology(pipeline(delivery_limit=2))
        yield broker


async def taken(subscription: Subscription) -> Delivery:
    delivery = await subscription.next(timeout_s=10)
    assert delivery is not None
    return delivery


async def publish(broker: RabbitBroker, *texts: str) -> None:
    for text in texts:
        await broker.publish(QUEUE, message(text))


async def test_an_acked_delivery_does_not_come_again(broker: RabbitBroker) -> None:
    await publish(broker, "one", "two")
    subscription = await broker.subscribe(QUEUE)
    await broker.ack(await taken(subscription))
    second = await taken(subscription)
    await subscription.close()
    assert second.body == b"two"
    assert await drain(broker, QUEUE) == ["two"]


async def test_next_gives_none_when_its_time_has_passed_and_goes_on_afterwards(broker: RabbitBroker) -> None:
    subscription = await broker.subscribe(QUEUE)
    assert await subscription.next(timeout_s=0.05) is None
    await publish(broker, "late")
    assert (await taken(subscription)).body == b"late"


async def test_a_cancelled_next_loses_no_delivery(broker: RabbitBroker) -> None:
    subscription = await broker.subscribe(QUEUE)
    waiting = asyncio.create_task(subscription.next())
    await asyncio.sleep(0)
    await publish(broker, "kept")
    waiting.cancel()
    outcome = (await asyncio.gather(waiting, return_exceptions=True))[0]
    delivery = outcome if isinstance(outcome, Delivery) else await taken(subscription)
    assert delivery.body == b"kept"


async def test_a_requeued_delivery_comes_again_and_counts(broker: RabbitBroker) -> None:
    await publish(broker, "again")
    subscription = await broker.subscribe(QUEUE)
    first = await taken(subscription)
    await broker.requeue(first)
    second = await taken(subscription)
    assert (first.redelivered, first.delivery_count) == (False, 0)
    assert (second.redelivered, second.delivery_count) == (True, 1)


async def test_never_more_than_prefetch_deliveries_are_unacked(broker: RabbitBroker) -> None:
    await publish(broker, *(str(n) for n in range(12)))
    subscription = await broker.subscribe(QUEUE, prefetch=3)
    in_hand = [await taken(subscription) for _ in range(3)]
    for _ in range(9):
        assert await subscription.next(timeout_s=0.02) is None
        await broker.ack(in_hand.pop(0))
        in_hand.append(await taken(subscription))
    assert [delivery.body for delivery in in_hand] == [b"9", b"10", b"11"]


async def test_the_broker_sends_no_more_than_prefetch(broker: RabbitBroker) -> None:
    await publish(broker, *(str(n) for n in range(8)))
    await broker.subscribe(QUEUE, prefetch=3)

    async def settled() -> bool:
        return (await broker.depth(QUEUE)).ready <= 5

    await eventually(settled, "the prefetch to be used")
    for _ in range(20):
        assert (await broker.depth(QUEUE)).ready == 5


async def test_after_stop_what_was_delivered_is_still_handed_out_and_can_be_acked(broker: RabbitBroker) -> None:
    await publish(broker, "1", "2", "3")
    subscription = await broker.subscribe(QUEUE, prefetch=2)

    async def two_delivered() -> bool:
        return (await broker.depth(QUEUE)).ready == 1

    await eventually(two_delivered, "the deliveries")
    await subscription.stop()
    first, second = await taken(subscription), await taken(subscription)
    assert await subscription.next() is None
    await broker.ack(first)
    await broker.ack(second)
    await subscription.close()
    assert [first.body, second.body] == [b"1", b"2"]
    assert await drain(broker, QUEUE) == ["3"]


async def test_stop_ends_a_next_that_waits(broker: RabbitBroker) -> None:
    subscription = await broker.subscribe(QUEUE)
    waiting = asyncio.create_task(subscription.next())
    await asyncio.sleep(0.05)
    await subscription.stop()
    assert await asyncio.wait_for(waiting, 5) is None
    assert await broker.consumers_attached(QUEUE) == 0


async def test_closing_gives_back_what_was_not_acked(broker: RabbitBroker) -> None:
    await publish(broker, "mine")
    subscription = await broker.subscribe(QUEUE)
    delivery = await taken(subscription)
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
    assert (await taken(await broker.subscribe(QUEUE))).body == b"new"


async def test_a_channel_the_broker_closes_loses_only_its_own_subscription(broker: RabbitBroker) -> None:
    await publish(broker, "one")
    subscription = await broker.subscribe(QUEUE)
    bystander = await broker.subscribe(error_queue(QUEUE))
    delivery = await taken(subscription)
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
    first, second = await taken(subscription), await taken(subscription)
    await broker.ack(first)
    await broker.ack(first)
    with pytest.raises(SubscriptionLost):
        await subscription.next(timeout_s=10)
    await broker.ack(second)
    assert await drain(broker, QUEUE) == ["one"]


async def test_the_delivery_limit_leads_to_the_error_queue(broker: RabbitBroker) -> None:
    await broker.publish(QUEUE, message("killer", "job-1", **{"x-attempt": 1}))
    subscription = await broker.subscribe(QUEUE)
    for count in range(3):
        delivery = await taken(subscription)
        assert delivery.delivery_count == count
        await broker.requeue(delivery)
    dead = await taken(await broker.subscribe(error_queue(QUEUE)))
    assert dead.body == b"killer"
    assert dead.headers["x-attempt"] == 1
    assert dead.headers["x-first-death-reason"] == "delivery_limit"
    assert await subscription.next(timeout_s=0.05) is None


async def test_a_retry_comes_back_after_its_delay(broker: RabbitBroker) -> None:
    subscription = await broker.subscribe(QUEUE)
    started = time.monotonic()
    await broker.publish(retry_queue(QUEUE, 30), message("slow"))
    await broker.publish(retry_queue(QUEUE, 1), message("quick", **{"x-attempt": 2}))
    delivery = await taken(subscription)
    assert time.monotonic() - started >= 0.9
    assert (delivery.queue, delivery.body, delivery.headers["x-attempt"]) == (QUEUE, b"quick", 2)
    assert (await broker.depth(retry_queue(QUEUE, 30))).ready == 1


async def test_depth_counts_ready_unacked_and_consumers(broker: RabbitBroker) -> None:
    await publish(broker, "1", "2", "3")
    subscription = await broker.subscribe(QUEUE)
    await taken(subscription)

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

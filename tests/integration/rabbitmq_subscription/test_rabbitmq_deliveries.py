"""Consuming from the real broker: what is delivered, how often, and where it goes then."""

import asyncio
import time

from orchestrator.domain.queue_names import error_queue, retry_queue
from orchestrator.runtime.ports import Delivery
from orchestrator.runtime.rabbitmq import RabbitBroker
from tests.integration.rabbitmq_kit import QUEUE, drain, eventually, message, publish
from tests.kit.deliveries import take


async def test_an_acked_delivery_does_not_come_again(broker: RabbitBroker) -> None:
    await publish(broker, "one", "two")
    subscription = await broker.subscribe(QUEUE)
    await broker.ack(await take(subscription))
    second = await take(subscription)
    await subscription.close()
    assert second.body == b"two"
    assert await drain(broker, QUEUE) == ["two"]


async def test_next_gives_none_when_its_time_has_passed_and_goes_on_afterwards(broker: RabbitBroker) -> None:
    subscription = await broker.subscribe(QUEUE)
    assert await subscription.next(timeout_s=0.05) is None
    await publish(broker, "late")
    assert (await take(subscription)).body == b"late"


async def test_a_cancelled_next_loses_no_delivery(broker: RabbitBroker) -> None:
    subscription = await broker.subscribe(QUEUE)
    waiting = asyncio.create_task(subscription.next())
    await asyncio.sleep(0)
    await publish(broker, "kept")
    waiting.cancel()
    outcome = (await asyncio.gather(waiting, return_exceptions=True))[0]
    delivery = outcome if isinstance(outcome, Delivery) else await take(subscription)
    assert delivery.body == b"kept"


async def test_a_requeued_delivery_comes_again_and_says_so(broker: RabbitBroker) -> None:
    await publish(broker, "again")
    subscription = await broker.subscribe(QUEUE)
    first = await take(subscription)
    await broker.requeue(first)
    second = await take(subscription)
    assert (first.redelivered, first.delivery_count) == (False, 0)
    assert (second.redelivered, second.body) == (True, first.body)  # RabbitMQ 3 counts it, 4 does not


async def test_never_more_than_prefetch_deliveries_are_unacked(broker: RabbitBroker) -> None:
    await publish(broker, *(str(n) for n in range(12)))
    subscription = await broker.subscribe(QUEUE, prefetch=3)
    in_hand = [await take(subscription) for _ in range(3)]
    for _ in range(9):
        assert await subscription.next(timeout_s=0.02) is None
        await broker.ack(in_hand.pop(0))
        in_hand.append(await take(subscription))
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
    first, second = await take(subscription), await take(subscription)
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
    assert (await broker.depth(QUEUE)).consumers == 0


async def test_the_delivery_limit_leads_to_the_error_queue(broker: RabbitBroker) -> None:
    await broker.publish(QUEUE, message("killer", "job-1", **{"x-attempt": 1}))
    for count in range(3):
        subscription = await broker.subscribe(QUEUE)
        assert (await take(subscription)).delivery_count == count
        await subscription.close()
    dead = await take(await broker.subscribe(error_queue(QUEUE)))
    assert dead.body == b"killer"
    assert dead.headers["x-attempt"] == 1
    assert dead.headers["x-first-death-reason"] == "delivery_limit"
    assert (await broker.depth(QUEUE)).ready == 0


async def test_a_retry_comes_back_after_its_delay(broker: RabbitBroker) -> None:
    subscription = await broker.subscribe(QUEUE)
    started = time.monotonic()
    await broker.publish(retry_queue(QUEUE, 30), message("slow"))
    await broker.publish(retry_queue(QUEUE, 1), message("quick", **{"x-attempt": 2}))
    delivery = await take(subscription)
    assert time.monotonic() - started >= 0.9
    assert (delivery.queue, delivery.body, delivery.headers["x-attempt"]) == (QUEUE, b"quick", 2)
    assert (await broker.depth(retry_queue(QUEUE, 30))).ready == 1

"""The embedded broker: limits, consumers and delays that its file does not show."""

import asyncio
import json
from pathlib import Path

import pytest

from orchestrator.domain.errors import SubscriptionLost, Unavailable
from orchestrator.domain.queue_names import retry_queue
from orchestrator.runtime.ports import QueueDepth
from tests.kit.deliveries import take
from tests.kit.local_broker import message, opened


class TestRules:
    async def test_a_full_queue_refuses_exactly_and_counts_ready_messages_only(self, tmp_path: Path) -> None:
        broker = await opened(tmp_path / "broker.sqlite")
        results = await asyncio.gather(*(broker.publish("small", message()) for _ in range(10)), return_exceptions=True)
        assert [type(result) for result in results].count(Unavailable) == 7
        await take(await broker.subscribe("small"))
        await broker.publish("small", message())
        assert await broker.depth("small") == QueueDepth(3, 1, 4, 1)
        await broker.close()

    async def test_consumers_are_counted_while_they_are_attached(self) -> None:
        broker = await opened(":memory:")
        assert (await broker.depth("jobs")).consumers == 0
        subscriptions = [await broker.subscribe("jobs") for _ in range(3)]
        assert (await broker.depth("jobs")).consumers == 3
        assert (await broker.depth("small")).consumers == 0
        await subscriptions[0].close()
        assert (await broker.depth("jobs")).consumers == 2
        for subscription in subscriptions:
            await subscription.close()
        assert (await broker.depth("jobs")).consumers == 0
        await broker.close()

    async def test_a_consumer_whose_broker_closes_is_told(self) -> None:
        broker = await opened(":memory:")
        subscription = await broker.subscribe("jobs")
        waiting = asyncio.create_task(subscription.next())
        await asyncio.sleep(0.05)
        await broker.close()
        with pytest.raises(SubscriptionLost):
            await waiting
        with pytest.raises(SubscriptionLost):
            await subscription.next()

    async def test_stop_right_after_next_began_ends_the_wait(self) -> None:
        broker = await opened(":memory:")
        subscription = await broker.subscribe("jobs")
        waiting = asyncio.create_task(subscription.next())
        await asyncio.sleep(0)
        await subscription.stop()
        assert await asyncio.wait_for(waiting, 5) is None
        await broker.close()

    async def test_a_message_taken_while_nobody_waits_is_handed_out_after_stop(self) -> None:
        broker = await opened(":memory:")
        subscription = await broker.subscribe("jobs")
        assert await subscription.next(0.01) is None
        await broker.publish("jobs", message(b"left over"))
        while (await broker.depth("jobs")).unacked == 0:
            await asyncio.sleep(0.01)
        await subscription.stop()
        delivery = await take(subscription)
        assert delivery.body == b"left over"
        await broker.ack(delivery)
        assert await subscription.next() is None
        await broker.close()

    async def test_settling_a_delivery_again_does_nothing(self) -> None:
        broker = await opened(":memory:")
        for body in (b"first", b"second"):
            await broker.publish("jobs", message(body))
        subscription = await broker.subscribe("jobs")
        delivery = await take(subscription)
        await asyncio.gather(broker.ack(delivery), broker.ack(delivery))
        await broker.requeue(delivery)
        assert (await take(subscription)).body == b"second"
        assert await subscription.next(0.1) is None, "one slot was freed twice"
        assert await broker.depth("jobs") == QueueDepth(0, 1, 1, 1)
        await broker.close()

    async def test_what_is_given_back_for_ever_is_never_buried(self) -> None:
        broker = await opened(":memory:")
        await broker.publish("jobs", message(b"patient"))
        subscription = await broker.subscribe("jobs")
        for count in range(30):
            delivery = await take(subscription)
            assert (delivery.delivery_count, delivery.redelivered) == (0, count > 0)
            await broker.requeue(delivery)
        await broker.close()

    async def test_nobody_consumes_a_retry_queue(self) -> None:
        broker = await opened(":memory:")
        with pytest.raises(ValueError, match="retry queue"):
            await broker.subscribe(retry_queue("jobs", 0.2))
        await broker.close()

    async def test_many_delayed_messages_come_back_each_once(self, tmp_path: Path) -> None:
        broker = await opened(tmp_path / "broker.sqlite")
        bodies = [json.dumps(n).encode() for n in range(1200)]
        await asyncio.gather(*(broker.publish(retry_queue("jobs", 0.2), message(body)) for body in bodies))
        subscription = await broker.subscribe("jobs", prefetch=100)
        seen = []
        for _ in bodies:
            delivery = await take(subscription)
            seen.append(delivery.body)
            await broker.ack(delivery)
        assert sorted(seen) == sorted(bodies)
        assert await subscription.next(0.3) is None
        await broker.close()

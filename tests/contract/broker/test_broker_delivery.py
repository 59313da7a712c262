"""What every broker does: deliver, in order, whole, each message once."""

import asyncio
import random
from collections import Counter

import pytest

from orchestrator.domain.errors import Unroutable
from orchestrator.runtime.ports import Broker, Message
from tests.kit.broker_contract import has_nothing, message, ready_becomes
from tests.kit.deliveries import take


class TestDelivery:
    async def test_a_message_is_delivered_as_it_was_published(self, broker: Broker) -> None:
        headers: dict[str, str | int] = {"x-attempt": 2, "big": 2**40, "negative": -1, "text": "grün", "empty": ""}
        await broker.publish("jobs", Message(bytes(range(256)), headers, "job-1"))
        subscription = await broker.subscribe("jobs")
        delivery = await take(subscription)
        assert (delivery.queue, delivery.body) == ("jobs", bytes(range(256)))
        assert {name: delivery.headers[name] for name in headers} == headers
        assert (delivery.redelivered, delivery.delivery_count) == (False, 0)
        await broker.ack(delivery)

    async def test_a_message_without_body_and_job_is_a_message(self, broker: Broker) -> None:
        await broker.publish("jobs", Message(b"", {}, None))
        delivery = await take(await broker.subscribe("jobs"))
        assert delivery.body == b""

    async def test_every_publish_has_a_message_id_of_its_own(self, broker: Broker) -> None:
        same = message()
        for _ in range(3):
            await broker.publish("jobs", same)
        subscription = await broker.subscribe("jobs", prefetch=3)
        ids = {(await take(subscription)).message_id for _ in range(3)}
        assert len(ids) == 3 and None not in ids

    async def test_a_body_of_eight_mebibytes_survives(self, broker: Broker) -> None:
        body = random.randbytes(8 * 2**20)
        await broker.publish("jobs", message(body))
        assert (await take(await broker.subscribe("jobs"))).body == body

    async def test_messages_come_in_the_order_of_publishing(self, broker: Broker) -> None:
        for n in range(20):
            await broker.publish("jobs", message(str(n).encode()))
        subscription = await broker.subscribe("jobs")
        for n in range(20):
            delivery = await take(subscription)
            assert delivery.body == str(n).encode()
            await broker.ack(delivery)

    async def test_a_waiting_consumer_gets_what_is_published(self, broker: Broker) -> None:
        subscription = await broker.subscribe("jobs")
        waiting = asyncio.create_task(take(subscription))
        await asyncio.sleep(0.1)
        await broker.publish("jobs", message(b"late"))
        assert (await waiting).body == b"late"

    async def test_queues_are_apart(self, broker: Broker) -> None:
        await broker.publish("other", message())
        subscription = await broker.subscribe("jobs")
        assert await subscription.next(0.2) is None
        await ready_becomes(broker, "other", 1)

    async def test_a_queue_that_does_not_exist_is_unroutable(self, broker: Broker) -> None:
        with pytest.raises(Unroutable):
            await broker.publish("nowhere", message())
        with pytest.raises(Unroutable):
            await broker.depth("nowhere")

    async def test_a_consumer_holds_no_more_than_its_prefetch(self, broker: Broker) -> None:
        for n in range(4):
            await broker.publish("jobs", message(str(n).encode()))
        subscription = await broker.subscribe("jobs", prefetch=2)
        first, second = await take(subscription), await take(subscription)
        assert await subscription.next(0.3) is None
        await broker.ack(first)
        assert (await take(subscription)).body == b"2"
        assert await subscription.next(0.3) is None
        await broker.ack(second)
        assert (await take(subscription)).body == b"3"

    async def test_many_publishers_and_consumers_see_every_message_once(self, broker: Broker) -> None:
        seen: Counter[bytes] = Counter()

        async def consume() -> None:
            subscription = await broker.subscribe("jobs")
            while (delivery := await subscription.next(1.0)) is not None:
                seen[delivery.body] += 1
                await broker.ack(delivery)
            await subscription.close()  # gives back what an ack did not settle

        async def publish(first: int) -> None:
            for n in range(first, first + 40):
                await broker.publish("jobs", message(str(n).encode()))

        await asyncio.gather(*(publish(first) for first in range(0, 400, 40)), *(consume() for _ in range(8)))
        assert seen == Counter(str(n).encode() for n in range(400))
        assert await has_nothing(broker, "jobs")

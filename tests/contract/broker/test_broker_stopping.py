"""What every broker does when a consumer stops, waits no longer, or it is closed itself."""

import asyncio
import random

import pytest

from orchestrator.domain.errors import Unavailable
from orchestrator.runtime.ports import Broker
from tests.kit.broker_contract import WAIT_S, message, ready_becomes
from tests.kit.deliveries import take


class TestStopping:
    async def test_after_stop_what_was_handed_out_can_be_acked_and_nothing_new_comes(self, broker: Broker) -> None:
        for n in range(3):
            await broker.publish("jobs", message(str(n).encode()))
        subscription = await broker.subscribe("jobs")
        delivery = await take(subscription)
        await subscription.stop()
        await broker.ack(delivery)
        left = []
        while (one := await subscription.next(WAIT_S)) is not None:
            left.append(one)
            await broker.ack(one)
        assert len(left) <= 1, "the prefetch bounds what may be left over"
        await ready_becomes(broker, "jobs", 2 - len(left))

    async def test_stop_wakes_a_consumer_that_waits(self, broker: Broker) -> None:
        subscription = await broker.subscribe("jobs")
        waiting = asyncio.create_task(subscription.next())
        await asyncio.sleep(0.1)
        await subscription.stop()
        assert await asyncio.wait_for(waiting, WAIT_S) is None
        assert await subscription.next(WAIT_S) is None

    async def test_a_cancelled_wait_loses_no_message(self, broker: Broker) -> None:
        subscription = await broker.subscribe("jobs")
        for n in range(10):
            waiting = asyncio.create_task(subscription.next())
            await asyncio.sleep(random.uniform(0, 0.01))
            publishing = asyncio.create_task(broker.publish("jobs", message(str(n).encode())))
            await asyncio.sleep(random.uniform(0, 0.005))
            waiting.cancel()
            await asyncio.wait({waiting})
            await publishing
            delivery = waiting.result() if not waiting.cancelled() else await take(subscription)
            assert delivery is not None and delivery.body == str(n).encode()
            await broker.ack(delivery)

    async def test_a_closed_broker_is_unavailable_and_says_so(self, broker: Broker) -> None:
        await broker.publish("jobs", message())
        while not broker.attached():
            await asyncio.sleep(0.05)
        await broker.close()
        await broker.close()
        assert not broker.attached()
        with pytest.raises(Unavailable):
            await broker.publish("jobs", message())

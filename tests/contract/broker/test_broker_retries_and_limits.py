"""What every broker does: hold a retry for its delay, and refuse what a full queue cannot take."""

import time

from orchestrator.domain.queue_names import retry_queue
from orchestrator.runtime.ports import Broker
from tests.kit.broker_contract import LONG_S, SHORT_S, accepts, eventually, has_nothing, message, ready_becomes
from tests.kit.deliveries import take


class TestRetry:
    async def test_a_retried_message_comes_back_after_its_delay_with_body_and_headers(self, broker: Broker) -> None:
        subscription = await broker.subscribe("jobs")
        began = time.monotonic()
        await broker.publish(retry_queue("jobs", SHORT_S), message(b"again", mark="kept"))
        assert (await broker.depth(retry_queue("jobs", SHORT_S))).total == 1
        delivery = await take(subscription)
        assert time.monotonic() - began >= SHORT_S - 0.01
        assert (delivery.body, delivery.headers["mark"], delivery.delivery_count) == (b"again", "kept", 0)
        assert not delivery.redelivered
        await ready_becomes(broker, retry_queue("jobs", SHORT_S), 0)

    async def test_a_long_delay_holds_up_no_short_one(self, broker: Broker) -> None:
        for body, delay_s in ((b"long", LONG_S), (b"short", SHORT_S)):
            await broker.publish(retry_queue("jobs", delay_s), message(body))
        subscription = await broker.subscribe("jobs", prefetch=2)
        assert [(await take(subscription)).body for _ in range(2)] == [b"short", b"long"]

    async def test_a_retried_message_stays_in_its_lane(self, broker: Broker) -> None:
        await broker.publish(retry_queue("other", SHORT_S), message(b"other"))
        assert (await take(await broker.subscribe("other"))).body == b"other"
        assert await has_nothing(broker, "jobs")


class TestLimits:
    async def test_a_full_queue_refuses_and_takes_again_when_there_is_room(self, broker: Broker) -> None:
        taken = 0
        while taken < 50 and await accepts(broker, str(taken).encode()):
            taken += 1
        assert 3 <= taken < 50
        subscription = await broker.subscribe("small")
        for n in range(taken):
            delivery = await take(subscription)
            assert delivery.body == str(n).encode()
            await broker.ack(delivery)
        await eventually(lambda: accepts(broker, b"again"))

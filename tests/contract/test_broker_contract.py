"""What every broker does, run against the embedded one and a real RabbitMQ."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from orchestrator.config import Pipeline, load_settings, parse_pipeline
from orchestrator.domain.errors import Unavailable, Unroutable
from orchestrator.domain.queue_names import error_queue, retry_queue
from orchestrator.runtime.local import LocalBroker
from orchestrator.runtime.ports import Broker, Delivery, Message, QueueDepth, Subscription
from orchestrator.runtime.rabbitmq import RabbitBroker

LIMIT = 3
SHORT_S = 0.3
LONG_S = 1.5
WAIT_S = 10.0

PIPELINE = f"""
version: 1
defaults: {{stage: work, delivery_limit: {LIMIT}, retry_delays_s: [{SHORT_S}, {LONG_S}]}}
queues:
  jobs: {{}}
  other: {{}}
  small: {{max_length: 3}}
"""


def pipeline() -> Pipeline:
    return parse_pipeline(PIPELINE, frozenset({"work"}))


@pytest.fixture(params=["embedded", "rabbitmq"])
async def broker(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Broker]:
    opened: Broker
    if request.param == "embedded":
        opened = await LocalBroker(tmp_path / "broker.sqlite", pipeline()).open()
    else:
        opened = await open_rabbitmq(request)
    yield opened
    await opened.close()


async def open_rabbitmq(request: pytest.FixtureRequest) -> Broker:
    url = request.getfixturevalue("vhost")
    management_url = request.getfixturevalue("rabbitmq").management_url
    broker = RabbitBroker(load_settings(amqp_url=url, management_url=management_url, publish_timeout_s=10))
    await broker.apply_topology(pipeline())
    return broker


def message(body: bytes = b"{}", **headers: str | int) -> Message:
    return Message(body, headers, "job-1")


async def eventually(condition: Callable[[], Awaitable[bool]]) -> None:
    deadline = time.monotonic() + WAIT_S
    while not await condition():
        assert time.monotonic() < deadline, "it never came to be"
        await asyncio.sleep(0.05)


async def depth_becomes(broker: Broker, queue: str, *, ready: int, unacked: int) -> None:
    """Poll until it is so. RabbitMQ tells ``unacked`` seconds later: most tests look at what is ready instead."""

    async def reached() -> bool:
        depth = await broker.depth(queue)
        return (depth.ready, depth.unacked, depth.total) == (ready, unacked, ready + unacked)

    await eventually(reached)


async def ready_becomes(broker: Broker, queue: str, ready: int) -> None:
    async def reached() -> bool:
        return (await broker.depth(queue)).ready == ready

    await eventually(reached)


async def has_nothing(broker: Broker, queue: str) -> bool:
    """Whether a new consumer gets nothing: no message is ready, nor was one given back."""
    subscription = await broker.subscribe(queue)
    delivery = await subscription.next(0.3)
    await subscription.close()
    return delivery is None


async def accepts(broker: Broker, body: bytes) -> bool:
    try:
        await broker.publish("small", message(body))
    except Unavailable:
        return False
    return True


async def take(subscription: Subscription) -> Delivery:
    delivery = await subscription.next(WAIT_S)
    assert delivery is not None
    return delivery


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


class TestSettling:
    async def test_an_acked_message_is_gone_and_an_unacked_one_is_not(self, broker: Broker) -> None:
        for settle in (True, False):
            await broker.publish("jobs", message())
            subscription = await broker.subscribe("jobs")
            delivery = await take(subscription)
            if settle:
                await broker.ack(delivery)
            await subscription.close()
            assert await has_nothing(broker, "jobs") == settle

    async def test_a_message_given_back_comes_again_first_and_says_so(self, broker: Broker) -> None:
        for body in (b"first", b"second"):
            await broker.publish("jobs", message(body, mark=7))
        subscription = await broker.subscribe("jobs")
        delivery = await take(subscription)
        await broker.requeue(delivery)
        again = await take(subscription)
        assert (again.body, again.redelivered, again.delivery_count) == (b"first", True, 1)
        assert (again.headers["mark"], again.message_id) == (7, delivery.message_id)

    async def test_closing_a_consumer_gives_back_what_it_held(self, broker: Broker) -> None:
        for body in (b"acked", b"held"):
            await broker.publish("jobs", message(body))
        gone = await broker.subscribe("jobs", prefetch=2)
        await broker.ack(await take(gone))
        held = await take(gone)
        await gone.close()
        await gone.close()
        second = await broker.subscribe("jobs")
        again = await take(second)
        assert (again.body, again.redelivered, again.delivery_count) == (b"held", True, 1)
        await broker.ack(held)  # too late: it is another consumer's now
        await second.close()
        assert (await take(await broker.subscribe("jobs"))).delivery_count == 2

    async def test_a_message_that_comes_back_too_often_goes_to_the_error_queue(self, broker: Broker) -> None:
        await broker.publish("jobs", message(b"poison", mark="kept"))
        subscription = await broker.subscribe("jobs")
        for count in range(LIMIT + 1):
            delivery = await take(subscription)
            assert delivery.delivery_count == count
            await broker.requeue(delivery)
        dead = await take(await broker.subscribe(error_queue("jobs")))
        assert (dead.body, dead.headers["mark"]) == (b"poison", "kept")
        assert dead.headers["x-first-death-reason"] == "delivery_limit"
        assert dead.headers["x-first-death-queue"].endswith("jobs")
        assert dead.headers["x-death"][0]["reason"] == "delivery_limit"
        assert await has_nothing(broker, "jobs")

    async def test_an_error_queue_gives_back_for_ever(self, broker: Broker) -> None:
        await broker.publish(error_queue("jobs"), message(b"dead"))
        subscription = await broker.subscribe(error_queue("jobs"))
        for count in range(LIMIT + 3):
            delivery = await take(subscription)
            assert delivery.delivery_count == count
            await broker.requeue(delivery)

    async def test_depth_tells_ready_from_unacked_and_counts_consumers(self, broker: Broker) -> None:
        assert await broker.depth("jobs") == QueueDepth(0, 0, 0, 0)
        for _ in range(5):
            await broker.publish("jobs", message())
        subscription = await broker.subscribe("jobs", prefetch=2)
        for _ in range(2):
            await take(subscription)
        await depth_becomes(broker, "jobs", ready=3, unacked=2)
        assert (await broker.depth("jobs")).consumers == 1
        await subscription.close()
        await depth_becomes(broker, "jobs", ready=5, unacked=0)


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

"""What happens when the broker is killed, frozen or blocked by an alarm. The node is this file's own."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator

import aio_pika
import pytest

from orchestrator.domain.errors import PublishUnconfirmed, SubscriptionLost, Unavailable
from orchestrator.domain.queue_names import error_queue
from orchestrator.runtime.rabbitmq import RabbitBroker
from tests.conftest import require
from tests.integration.rabbitmq_kit import QUEUE, client, drain, eventually, message, pipeline
from tests.kit.rabbitmq import RabbitMQ

# How long the broker waits for the error queue's confirm before it sends a dead letter again (180 s unless told).
DEAD_LETTER_AGAIN_MS = 2000
TIMEOUT_S = 2.0


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitMQ]:
    require(RabbitMQ.missing())
    server = RabbitMQ(
        tmp_path_factory.mktemp("rabbitmq-outages"),
        config=["collect_statistics_interval = 1000"],
        rabbit_env={"dead_letter_worker_publisher_confirm_timeout": DEAD_LETTER_AGAIN_MS},
    )
    try:
        server.start()
        yield server
    finally:
        server.kill()
        server.stop()


@pytest.fixture
def url(node: RabbitMQ) -> str:
    """A fresh vhost, left to go with the node: a node that was killed takes seconds to remove one."""
    node.ensure_running()
    return node.amqp_url(node.add_vhost())


@pytest.fixture
async def broker(url: str, node: RabbitMQ) -> AsyncIterator[RabbitBroker]:
    async with client(url, node.management_url, publish_timeout_s=TIMEOUT_S) as broker:
        await broker.apply_topology(pipeline(delivery_limit=2))
        yield broker
        node.thaw()


async def published(broker: RabbitBroker, text: str = "{}") -> bool:
    await broker.publish(QUEUE, message(text))
    return True


async def consuming(broker: RabbitBroker) -> bool:
    await (await broker.subscribe(QUEUE)).close()
    return True


async def test_a_killed_broker_loses_no_confirmed_message_and_everyone_finds_out(
    broker: RabbitBroker, node: RabbitMQ
) -> None:
    idle = asyncio.create_task((await broker.subscribe(error_queue(QUEUE))).next())
    confirmed: list[str] = []
    failures: set[type] = set()

    async def publish_until_killed(name: int) -> None:
        for number in range(100_000):
            try:
                await broker.publish(QUEUE, message(f"{name}-{number}"))
            except Exception as error:
                failures.add(type(error))
                return
            confirmed.append(f"{name}-{number}")

    publishers = [asyncio.create_task(publish_until_killed(name)) for name in range(20)]

    async def some_confirmed() -> bool:
        return len(confirmed) > 300

    await eventually(some_confirmed, "publishes")
    await asyncio.to_thread(node.kill)
    await asyncio.wait_for(asyncio.gather(*publishers), 3 * TIMEOUT_S)
    with pytest.raises(SubscriptionLost):
        await asyncio.wait_for(idle, 5)
    assert failures <= {PublishUnconfirmed, Unavailable}
    assert not broker.attached()

    started = time.monotonic()
    with pytest.raises(Unavailable):
        await broker.publish(QUEUE, message())
    with pytest.raises(Unavailable):
        await broker.subscribe(QUEUE)
    with pytest.raises(Unavailable):
        await broker.depth(QUEUE)
    assert time.monotonic() - started < 10

    await asyncio.to_thread(node.start)
    await eventually(lambda: consuming(broker), "a new subscription")
    assert set(confirmed) <= set(await drain(broker, QUEUE))
    await eventually(lambda: published(broker), "a publish")

    async def attached() -> bool:
        return broker.attached()

    await eventually(attached, "the broker to be attached again")


async def test_a_frozen_broker_holds_nobody_up_and_is_used_again_after_the_thaw(
    broker: RabbitBroker, node: RabbitMQ
) -> None:
    await published(broker, "before")
    subscription = await broker.subscribe(error_queue(QUEUE))
    node.freeze()
    outcomes = []
    for _ in range(3):
        started = time.monotonic()
        outcomes += await asyncio.gather(
            *(broker.publish(QUEUE, message("frozen")) for _ in range(20)), return_exceptions=True
        )
        assert time.monotonic() - started < TIMEOUT_S + 2
    assert [type(outcome) for outcome in outcomes[:20]] == [PublishUnconfirmed] * 20
    # No further copy goes to a broker that does not answer: it surely has not got these.
    assert {type(outcome) for outcome in outcomes[20:]} == {Unavailable}

    async def known() -> bool:
        return not broker.attached()

    await eventually(known, "attached to turn false")
    node.thaw()
    await eventually(lambda: published(broker, "after"), "a publish after the thaw")
    bodies = await drain(broker, QUEUE)
    assert (bodies.count("before"), bodies.count("after")) == (1, 1)
    assert bodies.count("frozen") <= 20
    await subscription.close()


async def test_closing_while_the_broker_is_frozen_ends(url: str, node: RabbitMQ) -> None:
    async with client(url) as broker:
        await broker.apply_topology(pipeline())
        await published(broker)
        subscription = await broker.subscribe(QUEUE)
        node.freeze()
        started = time.monotonic()
        await subscription.close()
        await broker.close()
        assert time.monotonic() - started < 20
        node.thaw()


async def test_a_half_open_connection_ends_the_subscription(url: str, node: RabbitMQ) -> None:
    async with client(f"{url}?heartbeat=1", publish_timeout_s=TIMEOUT_S) as broker:
        await broker.apply_topology(pipeline())
        subscription = await broker.subscribe(QUEUE)
        node.freeze()
        try:
            with pytest.raises(SubscriptionLost):
                await asyncio.wait_for(subscription.next(), 20)
        finally:
            node.thaw()
        await eventually(lambda: consuming(broker), "a new subscription")


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
    assert sorted(await drain(broker, QUEUE)) == ["after", "blocked"]


async def test_a_dead_letter_waits_at_its_source_while_the_error_queue_is_away(broker: RabbitBroker, url: str) -> None:
    async with await aio_pika.connect(url) as plain:
        await (await plain.channel()).queue_delete(error_queue(QUEUE))
    await published(broker, "precious")
    subscription = await broker.subscribe(QUEUE)
    for _ in range(3):
        delivery = await subscription.next(timeout_s=10)
        assert delivery is not None
        await broker.requeue(delivery)

    async def in_transit() -> bool:
        depth = await broker.depth(QUEUE)
        return (depth.ready, depth.unacked, depth.total) == (0, 0, 1)

    await eventually(in_transit, "the message to show in the total only")
    await broker.apply_topology(pipeline(delivery_limit=2))
    arrived = await (await broker.subscribe(error_queue(QUEUE))).next(timeout_s=30)
    assert arrived is not None
    assert arrived.body == b"precious"


async def test_a_broker_that_was_never_there_is_unavailable_soon_and_says_when_to_try_again() -> None:
    async with client("amqp://guest:guest@127.0.0.1:9/") as broker:
        for call in (broker.publish(QUEUE, message()), broker.subscribe(QUEUE), broker.depth(QUEUE)):
            started = time.monotonic()
            with pytest.raises(Unavailable):
                await call
            assert time.monotonic() - started < 3
        with pytest.raises(Unavailable) as resting:
            await broker.publish(QUEUE, message())
        assert resting.value.retry_after_s is not None
        assert not broker.attached()

"""What happens when the broker is killed, frozen or was never there."""

import asyncio
import time

import pytest

from orchestrator.domain.errors import PublishUnconfirmed, SubscriptionLost, Unavailable
from orchestrator.domain.queue_names import error_queue
from orchestrator.runtime.rabbitmq import RabbitBroker
from tests.integration.rabbitmq_kit import (
    QUEUE,
    TIMEOUT_S,
    client,
    consuming,
    drain,
    eventually,
    message,
    pipeline,
    published,
)
from tests.kit.rabbitmq import RabbitMQ


async def publish_until_it_fails(
    broker: RabbitBroker, publisher: int, confirmed: list[str], failures: set[type]
) -> None:
    for number in range(100_000):
        text = f"{publisher}-{number}"
        try:
            await broker.publish(QUEUE, message(text))
        except Exception as error:
            failures.add(type(error))
            return
        confirmed.append(text)


async def is_unavailable_soon(broker: RabbitBroker) -> None:
    started = time.monotonic()
    with pytest.raises(Unavailable):
        await broker.publish(QUEUE, message())
    with pytest.raises(Unavailable):
        await broker.subscribe(QUEUE)
    with pytest.raises(Unavailable):
        await broker.depth(QUEUE)
    assert time.monotonic() - started < 10


async def test_a_killed_broker_loses_no_confirmed_message_and_everyone_finds_out(
    broker: RabbitBroker, node: RabbitMQ
) -> None:
    idle = asyncio.create_task((await broker.subscribe(error_queue(QUEUE))).next())
    confirmed: list[str] = []
    failures: set[type] = set()

    publishers = [asyncio.create_task(publish_until_it_fails(broker, name, confirmed, failures)) for name in range(20)]

    async def some_confirmed() -> bool:
        return len(confirmed) > 300

    await eventually(some_confirmed, "publishes")
    await asyncio.to_thread(node.kill)
    await asyncio.wait_for(asyncio.gather(*publishers), 3 * TIMEOUT_S)
    with pytest.raises(SubscriptionLost):
        await asyncio.wait_for(idle, 5)
    assert failures <= {PublishUnconfirmed, Unavailable}
    assert not broker.attached()

    await is_unavailable_soon(broker)

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

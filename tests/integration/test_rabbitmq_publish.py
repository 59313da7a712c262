"""Confirmed publishing against the real broker: what returns is there, everything else raises."""

import asyncio
import json
from collections.abc import AsyncIterator

import aio_pika
import pytest

from orchestrator.domain.errors import PublishUnconfirmed, Unavailable, Unroutable
from orchestrator.runtime.rabbitmq import RabbitBroker
from tests.integration.rabbitmq_kit import QUEUE, client, drain, eventually, message, pipeline
from tests.kit.rabbitmq import RabbitMQ


@pytest.fixture
async def broker(vhost: str) -> AsyncIterator[RabbitBroker]:
    async with client(vhost) as broker:
        await broker.apply_topology(pipeline())
        yield broker


async def test_a_confirmed_publish_arrives_as_it_was_sent(broker: RabbitBroker) -> None:
    await broker.publish(QUEUE, message('{"a":1}', "job-1", **{"x-attempt": 2, "note": "naïve"}))

    delivery = await (await broker.subscribe(QUEUE)).next(timeout_s=10)

    assert delivery is not None
    assert (delivery.queue, delivery.body, delivery.redelivered, delivery.delivery_count) == (
        QUEUE,
        b'{"a":1}',
        False,
        0,
    )
    assert delivery.headers == {"x-attempt": 2, "note": "naïve"}
    assert delivery.message_id is not None
    assert len(delivery.message_id) == 32


async def test_a_message_is_persistent_and_names_its_job(broker: RabbitBroker, vhost: str) -> None:
    await broker.publish(QUEUE, message("{}", "job-1"))
    async with await aio_pika.connect(vhost) as plain:
        found = await (await (await plain.channel()).get_queue(QUEUE)).get()
        assert (found.delivery_mode, found.correlation_id, found.content_type) == (2, "job-1", "application/json")


async def test_each_attempt_to_publish_has_its_own_message_id(broker: RabbitBroker) -> None:
    same = message("{}", "job-1")
    await asyncio.gather(*(broker.publish(QUEUE, same) for _ in range(20)))
    subscription = await broker.subscribe(QUEUE, prefetch=20)
    ids = {(await subscription.next(timeout_s=10)).message_id for _ in range(20)}  # type: ignore[union-attr]
    assert len(ids) == 20


async def test_a_publish_to_a_queue_that_does_not_exist_raises_unroutable(broker: RabbitBroker) -> None:
    with pytest.raises(Unroutable, match="nowhere"):
        await broker.publish("nowhere", message())
    await broker.publish(QUEUE, message())


async def test_the_prefix_is_added_and_stays_invisible(vhost: str) -> None:
    async with client(vhost, queue_prefix="blue.") as blue, client(vhost) as plain:
        await blue.apply_topology(pipeline())
        await blue.publish(QUEUE, message("for blue"))
        with pytest.raises(Unroutable):
            await plain.publish(QUEUE, message())
        delivery = await (await blue.subscribe(QUEUE)).next(timeout_s=10)
        assert delivery is not None
        assert (delivery.queue, delivery.body) == (QUEUE, b"for blue")


async def test_no_publish_returns_for_a_queue_that_was_deleted_meanwhile(broker: RabbitBroker, vhost: str) -> None:
    returned, refused, false_acks, deleted = 0, 0, 0, False

    async def publish_until_refused(text: str) -> None:
        nonlocal returned, refused, false_acks
        while True:
            too_late = deleted
            try:
                await broker.publish("doomed", message(text))
            except Unroutable:
                refused += 1
                return
            except Unavailable:  # the broker closes the whole connection when a publish and the deletion cross
                await asyncio.sleep(0.05)
                continue
            returned += 1
            false_acks += too_late

    async with await aio_pika.connect(vhost) as plain:
        channel = await plain.channel()
        await channel.declare_queue("doomed", durable=True, arguments={"x-queue-type": "quorum"})
        publishers = asyncio.gather(*(publish_until_refused(str(n)) for n in range(50)))

        async def some_returned() -> bool:
            return returned >= 100

        await eventually(some_returned, "publishes to return")
        await channel.queue_delete("doomed")
        deleted = True
        await asyncio.wait_for(publishers, 60)
    assert (refused, false_acks) == (50, 0)
    results = await asyncio.gather(
        *(broker.publish("doomed", message(str(n))) for n in range(200)), return_exceptions=True
    )
    assert {type(result) for result in results} == {Unroutable}


async def test_a_full_queue_refuses_and_says_when_to_try_again(vhost: str) -> None:
    async with client(vhost) as broker:
        await broker.apply_topology(pipeline(max_length=5))
        confirmed = []

        async def refused() -> Unavailable | None:
            try:
                await broker.publish(QUEUE, message(str(len(confirmed))))
            except Unavailable as error:
                return error
            confirmed.append(str(len(confirmed)))
            return None

        error: Unavailable | None = None
        for _ in range(1000):
            if error := await refused():
                break
        assert error is not None
        assert type(error) is Unavailable
        assert "full" in str(error)
        assert error.retry_after_s is not None
        assert await drain(broker, QUEUE) == confirmed
        await eventually(lambda: _published(broker), "room in the queue")


async def _published(broker: RabbitBroker) -> bool:
    await broker.publish(QUEUE, message())
    return True


async def test_the_loss_of_the_channel_makes_publishes_unconfirmed_and_the_next_one_works(
    broker: RabbitBroker, rabbitmq: RabbitMQ, vhost_name: str
) -> None:
    await broker.publish(QUEUE, message())

    async def connections() -> list[str]:
        found = rabbitmq.api("GET", f"/api/vhosts/{vhost_name}/connections")
        return [c["name"] for c in found if "publish" in c["client_properties"].get("connection_name", "")]

    [name] = await eventually(connections, "the connection to be listed")
    results = asyncio.gather(
        *(broker.publish(QUEUE, message(json.dumps({"n": n}))) for n in range(500)), return_exceptions=True
    )
    await asyncio.sleep(0)
    await asyncio.to_thread(rabbitmq.api, "DELETE", f"/api/connections/{name.replace(' ', '%20').replace('>', '%3E')}")
    outcomes = await asyncio.wait_for(results, 30)
    assert {type(outcome) for outcome in outcomes} <= {type(None), PublishUnconfirmed, Unavailable}
    await eventually(lambda: _published(broker), "a publish to work again")
    arrived = set(await drain(broker, QUEUE))
    confirmed = {json.dumps({"n": n}) for n, outcome in enumerate(outcomes) if outcome is None}
    assert confirmed <= arrived


async def test_a_cancelled_publisher_is_cancelled_and_the_others_go_on(broker: RabbitBroker) -> None:
    await broker.publish(QUEUE, message("first"))
    doomed = [asyncio.create_task(broker.publish(QUEUE, message("doomed"))) for _ in range(20)]
    others = [asyncio.create_task(broker.publish(QUEUE, message("other"))) for _ in range(20)]
    await asyncio.sleep(0)
    for task in doomed:
        task.cancel()
    outcomes = await asyncio.gather(*doomed, return_exceptions=True)
    assert all(isinstance(outcome, asyncio.CancelledError) for outcome in outcomes)
    await asyncio.gather(*others)
    assert (await drain(broker, QUEUE)).count("other") == 20


async def test_an_error_of_the_broker_never_shows_the_password(
    rabbitmq: RabbitMQ, caplog: pytest.LogCaptureFixture
) -> None:
    url = f"amqp://guest:s3cr3t-word@127.0.0.1:{rabbitmq.port}/"
    management_url = f"http://guest:s3cr3t-word@127.0.0.1:{rabbitmq.management_port}"
    async with client(url, management_url) as broker:
        with pytest.raises(Unavailable) as refused:
            await broker.publish(QUEUE, message())
        with pytest.raises(Unavailable) as forbidden:
            await broker.diff_topology(pipeline())
    assert "s3cr3t" not in f"{refused.value!r} {refused.value} {forbidden.value!r} {forbidden.value} {caplog.text}"

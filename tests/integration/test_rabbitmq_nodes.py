"""Several nodes in JUSTLENS_AMQP_URL: the first that answers is used, and another one when it is lost."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from orchestrator.domain.errors import SubscriptionLost, Unavailable
from orchestrator.runtime.rabbitmq import RabbitBroker
from tests.integration.rabbitmq_kit import (
    QUEUE,
    client,
    consuming,
    eventually,
    message,
    pipeline,
    publish,
    published,
    settings,
)
from tests.kit.faultproxy import FaultProxy
from tests.kit.ports import free_port
from tests.kit.rabbitmq import RabbitMQ

CALL_TIMEOUT_S = 1.0
AGAIN_S = 8.0
"""Two seconds between pings, one without an answer, one until the close is given up; the driver alone needs 18."""


@pytest.fixture
async def nodes(rabbitmq: RabbitMQ) -> AsyncIterator[list[FaultProxy]]:
    """Two ways to one broker, each of which can break like a node."""
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(FaultProxy(rabbitmq.port)) for _ in range(2)]


def urls_of(rabbitmq: RabbitMQ, vhost: str, *ports: int) -> str:
    return ", ".join(rabbitmq.amqp_url(vhost, port=port) for port in ports)


async def test_a_node_that_is_down_or_silent_is_passed_over(
    rabbitmq: RabbitMQ, vhost_name: str, nodes: list[FaultProxy]
) -> None:
    await nodes[0].black_hole()
    began = time.monotonic()
    async with client(urls_of(rabbitmq, vhost_name, free_port(), nodes[0].port, nodes[1].port)) as broker:
        await broker.apply_topology(pipeline())
        await publish(broker, "{}")
        assert time.monotonic() - began < 4
        assert (await broker.depth(QUEUE)).ready == 1
    assert nodes[1].accepted == 2


@pytest.mark.parametrize("fault", ["down", "black_hole"])
async def test_a_lost_node_is_left_for_the_next_one(
    rabbitmq: RabbitMQ, vhost_name: str, nodes: list[FaultProxy], fault: str
) -> None:
    urls = urls_of(rabbitmq, vhost_name, *(node.port for node in nodes))
    broker = RabbitBroker(settings(urls, publish_timeout_s=CALL_TIMEOUT_S), CALL_TIMEOUT_S)
    try:
        await broker.apply_topology(pipeline())
        subscription = await broker.subscribe(QUEUE)
        await publish(broker, "{}")
        assert await subscription.next(timeout_s=5) is not None
        assert nodes[1].accepted == 0
        await getattr(nodes[0], fault)()
        began = time.monotonic()
        with pytest.raises(SubscriptionLost):
            await asyncio.wait_for(subscription.next(), AGAIN_S)
        await eventually(lambda: consuming(broker), "a subscription on the other node", AGAIN_S)
        await eventually(lambda: published(broker), "a publish on the other node", AGAIN_S)
        assert time.monotonic() - began < AGAIN_S
    finally:
        await broker.close()


@pytest.mark.parametrize("act", ["publish", "subscribe", "wait"])
async def test_a_node_that_answers_pings_and_no_more_is_left(
    rabbitmq: RabbitMQ, vhost_name: str, nodes: list[FaultProxy], act: str
) -> None:
    urls = urls_of(rabbitmq, vhost_name, *(node.port for node in nodes))
    broker = RabbitBroker(settings(urls, publish_timeout_s=CALL_TIMEOUT_S), CALL_TIMEOUT_S)
    # As a node without the majority of its cluster: the queue's own process answers nobody.
    process = f"whereis('{vhost_name}_{QUEUE}')"
    try:
        await broker.apply_topology(pipeline())
        subscription = await broker.subscribe(QUEUE)
        await publish(broker, "{}")
        await broker.ack(await subscription.next(timeout_s=5))
        assert nodes[1].accepted == 0
        await asyncio.to_thread(rabbitmq.rabbitmqctl, "eval", f"sys:suspend({process}).")
        acts = {
            "publish": lambda: broker.publish(QUEUE, message()),
            "subscribe": lambda: broker.subscribe(QUEUE),
            "wait": lambda: asyncio.wait_for(subscription.next(), AGAIN_S),
        }
        with pytest.raises((Unavailable, SubscriptionLost), match=r"no answer|channel closed"):
            await acts[act]()

        async def left() -> bool:
            await asyncio.gather(broker.depth("nowhere"), return_exceptions=True)
            return nodes[1].accepted > 0

        await eventually(left, "the other node to be used", 2)
    finally:
        await asyncio.to_thread(rabbitmq.rabbitmqctl, "eval", f"sys:resume({process}).")
        await broker.close()


async def test_a_queue_that_is_looked_into_again_and_again_gives_each_job_once(
    rabbitmq: RabbitMQ, vhost_name: str, nodes: list[FaultProxy], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestrator.runtime.rabbitmq.pulse.PULSE_EVERY_S", 0.0)
    async with client(urls_of(rabbitmq, vhost_name, *(node.port for node in nodes))) as broker:
        await broker.apply_topology(pipeline())
        subscription = await broker.subscribe(QUEUE)
        got = []
        for number in range(300):
            publishing = asyncio.create_task(publish(broker, str(number)))
            delivery = await subscription.next(timeout_s=20)
            assert delivery is not None
            got.append(int(delivery.body))
            await broker.ack(delivery)
            await publishing
        assert got == list(range(300))


async def test_every_node_and_its_reason_is_named_when_none_answers(rabbitmq: RabbitMQ) -> None:
    closed = free_port()
    async with client(f"amqp://u:hunter2@127.0.0.1:{closed}/,amqp://u:hunter2@no-such-host.invalid/") as broker:
        with pytest.raises(Unavailable) as away:
            await broker.publish(QUEUE, message())
    assert f"127.0.0.1:{closed}: " in str(away.value) and "no-such-host.invalid:5672: " in str(away.value)
    assert "hunter2" not in str(away.value)

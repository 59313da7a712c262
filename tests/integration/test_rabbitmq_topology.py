"""Declaring and comparing the queues on the real broker."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from orchestrator.domain.errors import TopologyMismatch, Unavailable
from orchestrator.domain.queue_names import error_queue, retry_queue
from orchestrator.runtime.rabbitmq import RabbitBroker, definitions, wanted_queues
from tests.integration.rabbitmq_kit import QUEUE, client, message, pipeline
from tests.kit.rabbitmq import RabbitMQ

ERROR = error_queue(QUEUE)
RETRY = retry_queue(QUEUE, 30)


class Vhost:
    """Changes one vhost behind the broker client's back."""

    def __init__(self, server: RabbitMQ, name: str) -> None:
        self._server = server
        self.name = name

    def declare(self, queue: str, changes: dict[str, Any], durable: bool = True) -> None:
        """The queue anew, its arguments changed; None leaves one out."""
        [wanted] = [dict(q.arguments) for q in wanted_queues(pipeline(max_length=50), "") if q.name == queue]
        arguments = {key: value for key, value in {**wanted, **changes}.items() if value is not None}
        self.delete(queue)
        body = {"durable": durable, "auto_delete": False, "arguments": arguments}
        self._server.api("PUT", f"/api/queues/{self.name}/{queue}", body)

    def delete(self, queue: str) -> None:
        self._server.api("DELETE", f"/api/queues/{self.name}/{queue}")

    def policy(self, kind: str, definition: dict[str, Any]) -> None:
        body = {"pattern": f"^{QUEUE}$|^{ERROR}$", "apply-to": "queues", "definition": definition}
        self._server.api("PUT", f"/api/{kind}/{self.name}/sabotage", body)

    def load(self, content: dict[str, Any]) -> None:
        self._server.api("POST", "/api/definitions", content)


@pytest.fixture
def vhost_hands(rabbitmq: RabbitMQ, vhost_name: str) -> Vhost:
    return Vhost(rabbitmq, vhost_name)


@pytest.fixture
async def broker(vhost: str, rabbitmq: RabbitMQ) -> AsyncIterator[RabbitBroker]:
    async with client(vhost, rabbitmq.management_url) as broker:
        yield broker


async def test_declaring_twice_changes_nothing_and_no_difference_is_found(broker: RabbitBroker) -> None:
    await broker.apply_topology(pipeline())
    await broker.publish(QUEUE, message())
    await broker.verify_topology(pipeline())
    assert await broker.diff_topology(pipeline()) == []
    assert (await broker.depth(QUEUE)).ready == 1


MUTATIONS: dict[str, tuple[Callable[[Vhost], None], str]] = {
    "main queue gone": (lambda v: v.delete(QUEUE), f"{QUEUE}: the queue should be there"),
    "retry queue gone": (lambda v: v.delete(RETRY), f"{RETRY}: the queue should be there"),
    "error queue gone": (lambda v: v.delete(ERROR), f"{ERROR}: the queue should be there"),
    "classic queue": (
        lambda v: v.declare(
            QUEUE, {"x-queue-type": "classic", "x-delivery-limit": None, "x-dead-letter-strategy": None}
        ),
        f"{QUEUE}: type should be quorum and is classic",
    ),
    "transient classic queue": (
        lambda v: v.declare(ERROR, {"x-queue-type": "classic", "x-delivery-limit": None}, durable=False),
        f"{ERROR}: durable should be True and is False",
    ),
    "at most once": (
        lambda v: v.declare(QUEUE, {"x-dead-letter-strategy": None}),
        f"{QUEUE}: x-dead-letter-strategy should be at-least-once and is absent",
    ),
    "another dead-letter target": (
        lambda v: v.declare(QUEUE, {"x-dead-letter-routing-key": "elsewhere"}),
        f"{QUEUE}: x-dead-letter-routing-key should be {ERROR} and is elsewhere",
    ),
    "no dead-letter exchange": (
        lambda v: v.declare(
            RETRY,
            {"x-dead-letter-exchange": None, "x-dead-letter-routing-key": None, "x-dead-letter-strategy": None},
        ),
        f"{RETRY}: x-dead-letter-exchange should be '' and is absent",
    ),
    "drops when full": (
        lambda v: v.declare(QUEUE, {"x-overflow": "drop-head"}),
        f"{QUEUE}: x-overflow should be reject-publish and is drop-head",
    ),
    "another delivery limit": (
        lambda v: v.declare(QUEUE, {"x-delivery-limit": 3}),
        f"{QUEUE}: x-delivery-limit should be 20 and is 3",
    ),
    "error queue without a limit of its own": (
        lambda v: v.declare(ERROR, {"x-delivery-limit": None}),
        f"{ERROR}: x-delivery-limit should be {2**31 - 1} and is absent",
    ),
    "another length": (lambda v: v.declare(QUEUE, {"x-max-length": 9}), f"{QUEUE}: x-max-length should be 50 and is 9"),
    "another delay": (
        lambda v: v.declare(RETRY, {"x-message-ttl": 1}),
        f"{RETRY}: x-message-ttl should be 30000 and is 1",
    ),
    "expiring main queue": (
        lambda v: v.declare(QUEUE, {"x-expires": 600_000}),
        f"{QUEUE}: x-expires should be absent and is 600000",
    ),
    "error queue with a TTL": (
        lambda v: v.declare(ERROR, {"x-message-ttl": 60_000}),
        f"{ERROR}: x-message-ttl should be absent and is 60000",
    ),
    "policy: length": (lambda v: v.policy("policies", {"max-length": 4}), f"{QUEUE}: max-length (by policy)"),
    "policy: overflow": (lambda v: v.policy("policies", {"overflow": "drop-head"}), f"{QUEUE}: overflow (by policy)"),
    "policy: expires": (lambda v: v.policy("policies", {"expires": 600_000}), f"{QUEUE}: expires (by policy)"),
    "policy: delivery limit": (
        lambda v: v.policy("policies", {"delivery-limit": 2}),
        f"{QUEUE}: delivery-limit (by policy) should be 20 and is 2",
    ),
    "policy: dead letters leave the error queue": (
        lambda v: v.policy("policies", {"dead-letter-exchange": "amq.fanout"}),
        f"{ERROR}: dead-letter-exchange (by policy) should be absent and is amq.fanout",
    ),
    "operator policy: TTL": (
        lambda v: v.policy("operator-policies", {"message-ttl": 60_000}),
        f"{QUEUE}: message-ttl (by policy) should be absent and is 60000",
    ),
}


@pytest.mark.parametrize("mutation", MUTATIONS)
async def test_a_changed_topology_is_seen_and_named(broker: RabbitBroker, vhost_hands: Vhost, mutation: str) -> None:
    await broker.apply_topology(pipeline(max_length=50))
    sabotage, says = MUTATIONS[mutation]
    await asyncio.to_thread(sabotage, vhost_hands)
    found = [str(d) for d in await broker.diff_topology(pipeline(max_length=50)) if not d.harmless]
    assert any(line.startswith(says) for line in found), found


async def test_a_queue_with_other_arguments_refuses_and_each_one_is_named(
    broker: RabbitBroker, vhost_hands: Vhost
) -> None:
    await broker.apply_topology(pipeline(max_length=50))
    await asyncio.to_thread(vhost_hands.declare, QUEUE, {"x-delivery-limit": 3, "x-max-length": 7})
    await asyncio.to_thread(vhost_hands.declare, RETRY, {"x-message-ttl": 1})
    for act in (broker.verify_topology, broker.apply_topology):
        with pytest.raises(TopologyMismatch) as refused:
            await act(pipeline(max_length=50))
        assert list(refused.value.differences) == [
            f"{QUEUE}: x-delivery-limit should be 20 and is 3",
            f"{QUEUE}: x-max-length should be 50 and is 7",
            f"{RETRY}: x-message-ttl should be 30000 and is 1",
        ]


async def test_without_the_management_api_the_refusal_says_what_it_may_hide(vhost: str, vhost_hands: Vhost) -> None:
    async with client(vhost) as broker:
        await broker.apply_topology(pipeline(max_length=50))
        await asyncio.to_thread(vhost_hands.declare, QUEUE, {"x-delivery-limit": 3, "x-max-length": 7})
        with pytest.raises(TopologyMismatch) as refused:
            await broker.apply_topology(pipeline(max_length=50))
    first, note = refused.value.differences
    assert first.startswith(f"{QUEUE}: ") and "JUSTLENS_MANAGEMENT_URL" in note


async def test_a_policy_refuses_the_start(broker: RabbitBroker, vhost_hands: Vhost) -> None:
    await asyncio.to_thread(vhost_hands.policy, "policies", {"overflow": "drop-head"})
    with pytest.raises(TopologyMismatch, match="overflow"):
        await broker.verify_topology(pipeline())


async def test_what_a_policy_does_is_what_the_comparison_says(broker: RabbitBroker, vhost_hands: Vhost) -> None:
    """A policy's overflow really overrules the argument: the queue drops what the file says it refuses."""
    await broker.apply_topology(pipeline(max_length=50))
    await asyncio.to_thread(vhost_hands.policy, "policies", {"overflow": "drop-head"})
    for number in range(80):
        await broker.publish(QUEUE, message(str(number)))
    assert (await broker.depth(QUEUE)).ready == 50


async def test_an_old_retry_queue_is_noted_and_refuses_nothing(broker: RabbitBroker) -> None:
    await broker.apply_topology(pipeline(retry_delays_s=[1, 7, 30]))
    await broker.verify_topology(pipeline())
    [note] = await broker.diff_topology(pipeline())
    assert (note.queue, note.harmless) == (retry_queue(QUEUE, 7), True)


async def test_the_exported_definitions_make_the_same_topology(broker: RabbitBroker, vhost_hands: Vhost) -> None:
    await asyncio.to_thread(vhost_hands.load, definitions(pipeline(max_length=50), "", vhost_hands.name))
    assert await broker.diff_topology(pipeline(max_length=50)) == []
    await broker.verify_topology(pipeline(max_length=50))


async def test_without_a_management_api_the_difference_cannot_be_told(vhost: str) -> None:
    async with client(vhost) as broker:
        await broker.verify_topology(pipeline())
        with pytest.raises(Unavailable, match="JUSTLENS_MANAGEMENT_URL"):
            await broker.diff_topology(pipeline())


async def test_a_management_api_that_is_away_is_unavailable(vhost: str) -> None:
    async with client(vhost, "http://guest:guest@127.0.0.1:9") as broker:
        with pytest.raises(Unavailable, match="management"):
            await broker.diff_topology(pipeline())

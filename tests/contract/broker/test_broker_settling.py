"""What every broker does with what is acked, given back, or given back too often."""

import pytest

from orchestrator.domain.queue_names import error_queue
from orchestrator.runtime.ports import Broker, QueueDepth
from tests.kit.broker_contract import LIMIT, depth_becomes, has_nothing, message
from tests.kit.deliveries import take


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
        assert (again.body, again.redelivered) == (b"first", True)  # counted by RabbitMQ 3 only
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

    async def test_a_message_lost_with_its_consumer_too_often_goes_to_the_error_queue(self, broker: Broker) -> None:
        await broker.publish("jobs", message(b"poison", mark="kept"))
        for count in range(LIMIT + 1):
            subscription = await broker.subscribe("jobs")
            delivery = await take(subscription)
            assert (delivery.delivery_count, delivery.redelivered) == (count, count > 0)
            await subscription.close()
        dead = await take(await broker.subscribe(error_queue("jobs")))
        assert (dead.body, dead.headers["mark"]) == (b"poison", "kept")
        assert dead.headers["x-first-death-reason"] == "delivery_limit"
        assert dead.headers["x-first-death-queue"].endswith("jobs")
        assert await has_nothing(broker, "jobs")

    @pytest.mark.parametrize("lost", [False, True], ids=["given back", "lost"])
    async def test_an_error_queue_gives_back_for_ever(self, broker: Broker, lost: bool) -> None:
        await broker.publish(error_queue("jobs"), message(b"dead"))
        subscription = await broker.subscribe(error_queue("jobs"))
        for _ in range(25):  # more than the 20 to which RabbitMQ 4 limits a queue that says nothing
            delivery = await take(subscription)
            if lost:
                await subscription.close()
                subscription = await broker.subscribe(error_queue("jobs"))
            else:
                await broker.requeue(delivery)
        assert (await take(subscription)).body == b"dead"

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

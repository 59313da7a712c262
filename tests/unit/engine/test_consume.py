"""Consumers: one job at a time each, and every delivery ended however its settling breaks off."""

import asyncio
from typing import Any

import pytest

from orchestrator.domain.errors import PublishUnconfirmed, Reason
from orchestrator.domain.jobs import EnhanceJob
from orchestrator.domain.outcome import Done, Next, Outcome, Reject
from orchestrator.runtime.consume import Consumer
from orchestrator.runtime.local import LocalBroker
from orchestrator.runtime.ports import Message
from tests.kit.consumers import PIPELINE, Attached, publish
from tests.kit.fakes import JUST_DONE, ONE_PURGE, answering, bound_queue, delivery_of, new_world, section
from tests.kit.polling import until

FOLLOWING = EnhanceJob(business_id="acme", image_id="8", image_url="https://x/8.png")
EVERYTHING = Done((section("source"),), (ONE_PURGE,), (Next("follow", FOLLOWING),))


async def test_a_consumer_takes_one_delivery_after_the_other(broker: LocalBroker) -> None:
    world = new_world()
    running, most, order = 0, 0, []

    async def stage(job: Any) -> Outcome:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.005)
        order.append(job.image_id)
        running -= 1
        return JUST_DONE

    await publish(broker, 1, 2, 3, 4, 5)
    async with Attached(world, bound_queue(stage), broker) as consumer:
        await until(lambda: len(order) == 5 and not consumer.busy)
    assert most == 1 and order == ["1", "2", "3", "4", "5"]
    assert (await broker.depth("work")).total == 0


@pytest.mark.parametrize("step", ["write", "effect", "publish", "ledger", "index"])
async def test_after_an_unexpected_failure_the_consumer_is_attached_again_and_the_job_ends(step: str) -> None:
    world = new_world()
    world.journal.fail(step, ZeroDivisionError("a bug"))
    outcome = Reject(Reason("bad", "")) if step == "index" else EVERYTHING
    await world.broker.deliver(delivery_of())
    async with Attached(world, bound_queue(answering(outcome))) as consumer:
        await until(lambda: "ack" in world.journal.steps)
        await until(lambda: not consumer.busy)
        assert consumer.attached
    assert world.journal.steps.count("subscribe work") == 2 and world.journal.steps.count("ack") == 1
    assert "find" in world.journal.steps, "the second time it was redelivered"
    assert world.broker.unacked == []


async def test_an_ack_that_fails_is_answered_by_a_duplicate() -> None:
    world = new_world()
    world.journal.fail("ack", ZeroDivisionError("a bug"))
    await world.broker.deliver(delivery_of())
    async with Attached(world, bound_queue(answering(JUST_DONE))):
        await until(lambda: "ack" in world.journal.steps)
    assert world.journal.steps == ["subscribe work", "ledger done", "ack!", "subscribe work", "find", "ack"]


async def test_a_stray_cancellation_in_a_step_of_settling_does_not_end_the_consumer() -> None:
    world = new_world()
    world.journal.fail("ledger", asyncio.CancelledError())
    await world.broker.deliver(delivery_of())
    async with Attached(world, bound_queue(answering(JUST_DONE))):
        await until(lambda: "ack" in world.journal.steps)
    assert world.journal.steps == ["subscribe work", "ledger done!", "subscribe work", "find", "ledger done", "ack"]


async def test_a_consumer_that_is_cancelled_ends_and_gives_its_delivery_back() -> None:
    world = new_world()
    started = asyncio.Event()

    async def slow(_job: Any) -> Outcome:
        started.set()
        await asyncio.sleep(60)
        return JUST_DONE

    await world.broker.deliver(delivery_of())
    consumer = Consumer(bound_queue(slow), 1, world.engine())
    task = asyncio.create_task(consumer.run())
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [delivery.redelivered for delivery in world.broker.queues["work"]] == [True]
    assert not consumer.attached and not consumer.busy


async def test_a_job_that_kills_its_consumer_every_time_ends_in_the_error_queue(broker: LocalBroker) -> None:
    world = new_world()
    world.journal.fail("ledger", *[ZeroDivisionError("a bug")] * 50)
    await publish(broker, 1)
    async with Attached(world, bound_queue(answering(JUST_DONE)), broker):
        async with asyncio.timeout(20):
            while not (await broker.depth("error.work")).ready:
                await asyncio.sleep(0.005)
    assert (await broker.depth("work")).total == 0
    assert world.journal.steps.count("ledger done!") == 21, "the first delivery and 20 more"


async def test_a_publish_that_is_not_confirmed_and_then_works_is_acked_once(broker: LocalBroker) -> None:
    """The message may be there already: the copy is harmless, the loss would not be."""
    world = new_world()

    class Unsure(LocalBroker):
        tries = 0

        async def publish(self, queue: str, message: Message) -> None:
            await broker.publish(queue, message)
            Unsure.tries += 1
            if Unsure.tries == 1:
                raise PublishUnconfirmed("broker")

    unsure = Unsure(":memory:", PIPELINE)
    unsure.subscribe, unsure.ack = broker.subscribe, broker.ack  # type: ignore[method-assign]
    await publish(broker, 1)
    async with Attached(world, bound_queue(answering(EVERYTHING)), unsure):
        await until(lambda: "ledger done" in world.journal.steps)
        async with asyncio.timeout(5):
            while (await broker.depth("work")).total:
                await asyncio.sleep(0.002)
    assert (await broker.depth("after")).ready == 2 and world.journal.steps.count("ledger done") == 1

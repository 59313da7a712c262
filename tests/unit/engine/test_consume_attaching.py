"""Consumers: attached again whatever happens, gone when told to go."""

import asyncio
from typing import Any

import pytest

from orchestrator.domain.errors import SubscriptionLost, Unavailable
from orchestrator.domain.outcome import Outcome
from orchestrator.runtime.consume import Consumer
from orchestrator.runtime.local import LocalBroker
from tests.kit.consumers import Attached, publish
from tests.kit.fakes import JUST_DONE, answering, bound_queue, delivery_of, new_world
from tests.kit.polling import until


@pytest.mark.parametrize(
    "error",
    [SubscriptionLost("cancelled"), Unavailable("broker"), ZeroDivisionError("a bug"), asyncio.CancelledError()],
)
async def test_a_lost_subscription_is_attached_again(error: BaseException) -> None:
    world = new_world()
    await world.broker.deliver(error, delivery_of())
    async with Attached(world, bound_queue(answering(JUST_DONE))):
        await until(lambda: "ack" in world.journal.steps)
    assert world.journal.steps == ["subscribe work", "subscribe work", "ledger done", "ack"]
    assert all(subscription.closed for subscription in world.broker.subscriptions)


async def test_attaching_backs_off_and_the_back_off_begins_anew_after_work(monkeypatch: pytest.MonkeyPatch) -> None:
    failures: list[int] = []
    monkeypatch.setattr("orchestrator.runtime.consume.backoff_s", lambda n, **_: failures.append(n) or 0.001)
    world = new_world()
    world.journal.fail("subscribe", *[Unavailable("broker")] * 3)
    async with Attached(world, bound_queue(answering(JUST_DONE))) as consumer:
        await until(lambda: consumer.attached)
        await world.broker.deliver(SubscriptionLost("once"))
        await until(lambda: len(failures) == 4 and consumer.attached)
        await world.broker.deliver(delivery_of(), SubscriptionLost("again"))
        await until(lambda: len(failures) == 5 and consumer.attached)
    assert failures[:5] == [0, 1, 2, 3, 0]


async def test_a_consumer_of_a_quiet_queue_does_not_pay_for_outages_long_past(monkeypatch: pytest.MonkeyPatch) -> None:
    failures: list[int] = []
    monkeypatch.setattr("orchestrator.runtime.consume.backoff_s", lambda n, **_: failures.append(n) or 0.001)
    monkeypatch.setattr("orchestrator.runtime.consume.STEADY_S", 0.0)
    world = new_world()
    async with Attached(world, bound_queue(answering(JUST_DONE))) as consumer:
        for outages in (1, 2, 3):
            await until(lambda: consumer.attached)
            await world.broker.deliver(SubscriptionLost("again"))
            await until(lambda wanted=outages: len(failures) == wanted)
    assert failures[:3] == [0, 0, 0]


async def test_the_number_of_attached_consumers_is_a_metric() -> None:
    world = new_world()
    async with Attached(world, bound_queue(answering(JUST_DONE))) as consumer:
        await until(lambda: consumer.attached)
        assert world.count("justlens_consumers", queue="work") == 1
    assert world.count("justlens_consumers", queue="work") == 0 and not consumer.attached


async def test_a_detached_consumer_attaches_anew(broker: LocalBroker) -> None:
    world = new_world()
    done: list[str] = []

    async def stage(job: Any) -> Outcome:
        done.append(job.image_id)
        return JUST_DONE

    async with Attached(world, bound_queue(stage), broker) as consumer:
        await until(lambda: consumer.attached)
        await consumer.detach()
        await publish(broker, 1)
        await until(lambda: done == ["1"])
        assert (await broker.depth("work")).consumers == 1


async def test_a_consumer_told_to_leave_before_it_is_attached_takes_nothing(broker: LocalBroker) -> None:
    world = new_world()
    await publish(broker, 1)
    world.drain.request()
    await asyncio.wait_for(Consumer(bound_queue(answering(JUST_DONE)), 1, world.engine(broker)).run(), 5)
    depth = await broker.depth("work")
    assert (depth.ready, depth.unacked, depth.consumers) == (1, 0, 0)


async def test_a_consumer_told_to_leave_while_it_attaches_takes_nothing() -> None:
    world = new_world()
    await world.broker.deliver(delivery_of())
    subscribe = world.broker.subscribe

    async def subscribe_slowly(queue: str, *, prefetch: int = 1) -> Any:
        subscription = await subscribe(queue, prefetch=prefetch)
        world.drain.request()
        return subscription

    world.broker.subscribe = subscribe_slowly  # type: ignore[method-assign]
    await asyncio.wait_for(Consumer(bound_queue(answering(JUST_DONE)), 1, world.engine()).run(), 5)
    assert world.journal.steps == ["subscribe work"] and len(world.broker.queues["work"]) == 1

"""Consumers: one job at a time each, attached again whatever happens, gone when told to go."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from orchestrator.config import Pipeline, QueueSpec
from orchestrator.domain.errors import PublishUnconfirmed, Reason, SubscriptionLost, Unavailable
from orchestrator.domain.jobs import EnhanceJob
from orchestrator.domain.outcome import Done, Next, Outcome, Reject
from orchestrator.runtime.consume import Consumer
from orchestrator.runtime.lane import Lane
from orchestrator.runtime.local import LocalBroker
from orchestrator.runtime.ports import Message
from tests.kit.fakes import (
    JUST_DONE,
    ONE_PURGE,
    World,
    answering,
    body_of,
    delivery_of,
    lane_of,
    new_world,
    quick_and_quiet,
    section,
    until,
)

PIPELINE = Pipeline(
    version=1, queues={name: QueueSpec(stage="s", retry_delays_s=(5, 30)) for name in ("work", "after")}
)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with quick_and_quiet(monkeypatch):
        yield


@pytest.fixture
async def broker() -> AsyncIterator[LocalBroker]:
    opened = await LocalBroker(":memory:", PIPELINE).open()
    yield opened
    await opened.close()


class Attached:
    """A consumer at work while the context lasts; leaving drains it."""

    def __init__(self, world: World, lane: Lane, broker: LocalBroker | None = None) -> None:
        self.world = world
        self.consumer = Consumer(lane, 1, world.engine(broker))

    async def __aenter__(self) -> Consumer:
        self._task = asyncio.create_task(self.consumer.run())
        return self.consumer

    async def __aexit__(self, *_: object) -> None:
        self.world.drain.request()
        await self.consumer.stop()
        await asyncio.wait_for(self._task, 10)


async def publish(broker: LocalBroker, *numbers: int) -> None:
    for number in numbers:
        await broker.publish("work", Message(body_of(image_id=number), {}, None))


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
    async with Attached(world, lane_of(stage), broker) as consumer:
        await until(lambda: len(order) == 5 and not consumer.busy)
    assert most == 1 and order == ["1", "2", "3", "4", "5"]
    assert (await broker.depth("work")).total == 0


@pytest.mark.parametrize("step", ["write", "effect", "publish", "ledger", "index"])
async def test_after_an_unexpected_failure_the_consumer_is_attached_again_and_the_job_ends(step: str) -> None:
    world = new_world()
    world.journal.fail(step, ZeroDivisionError("a bug"))
    outcome = Reject(Reason("bad", "")) if step == "index" else EVERYTHING
    await world.broker.deliver(delivery_of())
    async with Attached(world, lane_of(answering(outcome))) as consumer:
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
    async with Attached(world, lane_of(answering(JUST_DONE))):
        await until(lambda: "ack" in world.journal.steps)
    assert world.journal.steps == ["subscribe work", "ledger done", "ack!", "subscribe work", "find", "ack"]


@pytest.mark.parametrize(
    "error",
    [SubscriptionLost("cancelled"), Unavailable("broker"), ZeroDivisionError("a bug"), asyncio.CancelledError()],
)
async def test_a_lost_subscription_is_attached_again(error: BaseException) -> None:
    world = new_world()
    await world.broker.deliver(error, delivery_of())
    async with Attached(world, lane_of(answering(JUST_DONE))):
        await until(lambda: "ack" in world.journal.steps)
    assert world.journal.steps == ["subscribe work", "subscribe work", "ledger done", "ack"]
    assert all(subscription.closed for subscription in world.broker.subscriptions)


async def test_a_stray_cancellation_in_a_step_of_settling_does_not_end_the_consumer() -> None:
    world = new_world()
    world.journal.fail("ledger", asyncio.CancelledError())
    await world.broker.deliver(delivery_of())
    async with Attached(world, lane_of(answering(JUST_DONE))):
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
    consumer = Consumer(lane_of(slow), 1, world.engine())
    task = asyncio.create_task(consumer.run())
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [delivery.redelivered for delivery in world.broker.queues["work"]] == [True]
    assert not consumer.attached and not consumer.busy


async def test_attaching_backs_off_and_the_back_off_begins_anew_after_work(monkeypatch: pytest.MonkeyPatch) -> None:
    failures: list[int] = []
    monkeypatch.setattr("orchestrator.runtime.consume.backoff_s", lambda n, **_: failures.append(n) or 0.001)
    world = new_world()
    world.journal.fail("subscribe", *[Unavailable("broker")] * 3)
    async with Attached(world, lane_of(answering(JUST_DONE))) as consumer:
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
    async with Attached(world, lane_of(answering(JUST_DONE))) as consumer:
        for outages in (1, 2, 3):
            await until(lambda: consumer.attached)
            await world.broker.deliver(SubscriptionLost("again"))
            await until(lambda wanted=outages: len(failures) == wanted)
    assert failures[:3] == [0, 0, 0]


async def test_the_number_of_attached_consumers_is_a_metric() -> None:
    world = new_world()
    async with Attached(world, lane_of(answering(JUST_DONE))) as consumer:
        await until(lambda: consumer.attached)
        assert world.count("justlens_consumers", queue="work") == 1
    assert world.count("justlens_consumers", queue="work") == 0 and not consumer.attached


async def test_a_detached_consumer_attaches_anew(broker: LocalBroker) -> None:
    world = new_world()
    done: list[str] = []

    async def stage(job: Any) -> Outcome:
        done.append(job.image_id)
        return JUST_DONE

    async with Attached(world, lane_of(stage), broker) as consumer:
        await until(lambda: consumer.attached)
        await consumer.detach()
        await publish(broker, 1)
        await until(lambda: done == ["1"])
        assert (await broker.depth("work")).consumers == 1


async def test_a_consumer_told_to_leave_before_it_is_attached_takes_nothing(broker: LocalBroker) -> None:
    world = new_world()
    await publish(broker, 1)
    world.drain.request()
    await asyncio.wait_for(Consumer(lane_of(answering(JUST_DONE)), 1, world.engine(broker)).run(), 5)
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
    await asyncio.wait_for(Consumer(lane_of(answering(JUST_DONE)), 1, world.engine()).run(), 5)
    assert world.journal.steps == ["subscribe work"] and len(world.broker.queues["work"]) == 1


async def test_a_job_that_kills_its_consumer_every_time_ends_in_the_error_queue(broker: LocalBroker) -> None:
    world = new_world()
    world.journal.fail("ledger", *[ZeroDivisionError("a bug")] * 50)
    await publish(broker, 1)
    async with Attached(world, lane_of(answering(JUST_DONE)), broker):
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
    async with Attached(world, lane_of(answering(EVERYTHING)), unsure):
        await until(lambda: "ledger done" in world.journal.steps)
        async with asyncio.timeout(5):
            while (await broker.depth("work")).total:
                await asyncio.sleep(0.002)
    assert (await broker.depth("after")).ready == 2 and world.journal.steps.count("ledger done") == 1

"""A process's consumers: as many as there should be, and drained without losing anything."""

import asyncio
import time
from typing import Any

import pytest

from orchestrator.domain.outcome import Outcome
from orchestrator.runtime.lifecycle import Consumers, QueueHealth
from orchestrator.runtime.local import LocalBroker
from orchestrator.runtime.ports import Message
from tests.kit.fake_stages import Gate
from tests.kit.fakes import JUST_DONE, answering, body_of, bound_queue, delivery_of, new_world
from tests.kit.polling import until

pytestmark = pytest.mark.usefixtures("_quick_lifecycle")


async def publish(broker: LocalBroker, count: int) -> None:
    for number in range(count):
        job_id = f"018bcfe5-6800-7000-8000-{number:012d}"
        await broker.publish("work", Message(body_of(image_id=number, job_id=job_id), {}, job_id))


async def test_a_queue_has_as_many_jobs_in_progress_as_it_has_consumers(broker: LocalBroker) -> None:
    world, gate = new_world(), Gate()
    consumers = Consumers([bound_queue(gate, consumers=3)], world.engine(broker))
    await publish(broker, 10)
    consumers.start()
    await until(lambda: gate.running == 3)
    await asyncio.sleep(0.05)
    assert (gate.running, (await broker.depth("work")).unacked) == (3, 3)
    assert consumers.health() == [QueueHealth("work", wanted=3, attached=3, busy=3)]
    gate.opened.set()
    await until(lambda: gate.ended == 10)
    assert gate.most == 3 and await consumers.drain(5)
    assert (await broker.depth("work")).total == 0


async def test_queues_do_not_share_consumers(broker: LocalBroker) -> None:
    world, stuck, free = new_world(), Gate(), Gate()
    free.opened.set()
    queues = [bound_queue(stuck, consumers=2), bound_queue(free, name="after", consumers=1)]
    consumers = Consumers(queues, world.engine(broker))
    await publish(broker, 5)
    consumers.start()
    await until(lambda: stuck.running == 2)
    await broker.publish("after", Message(body_of(), {}, None))
    await until(lambda: free.ended == 1)
    stuck.opened.set()
    assert await consumers.drain(5)


async def test_a_drain_lets_running_jobs_finish_and_takes_no_new_ones(broker: LocalBroker) -> None:
    world, gate = new_world(), Gate()
    consumers = Consumers([bound_queue(gate, consumers=2)], world.engine(broker))
    await publish(broker, 6)
    consumers.start()
    await until(lambda: gate.running == 2)
    draining = asyncio.create_task(consumers.drain(10))
    await asyncio.sleep(0.02)
    gate.opened.set()
    assert await draining
    depth = await broker.depth("work")
    assert gate.ended == 2 and (depth.ready, depth.unacked, depth.consumers) == (4, 0, 0)
    assert len(world.ledger.entries) == 2
    assert consumers.health() == [QueueHealth("work", wanted=2, attached=0, busy=0)]


async def test_a_drain_that_takes_too_long_hands_back_what_still_runs(broker: LocalBroker) -> None:
    world, gate = new_world(), Gate()
    consumers = Consumers([bound_queue(gate, consumers=2)], world.engine(broker))
    await publish(broker, 3)
    consumers.start()
    await until(lambda: gate.running == 2)
    assert await consumers.drain(0.02), "a job that was released is settled"
    depth = await broker.depth("work")
    assert gate.ended == 0 and (depth.ready, depth.unacked) == (3, 0)
    assert world.count("justlens_jobs_total", queue="work", outcome="released") == 2
    subscription = await broker.subscribe("work", prefetch=3)
    delivered = [await subscription.next(1) for _ in range(3)]
    releases = sorted(d.headers.get("x-releases", 0) for d in delivered if d is not None)
    assert releases == [0, 1, 1]
    assert all(d is not None and d.delivery_count == 0 for d in delivered), "a release is no failed delivery"
    await subscription.close()


async def test_a_drain_can_be_cut_short(broker: LocalBroker) -> None:
    world, gate = new_world(), Gate()
    consumers = Consumers([bound_queue(gate)], world.engine(broker))
    await publish(broker, 1)
    consumers.start()
    await until(lambda: gate.running)
    draining = asyncio.create_task(consumers.drain(60))
    await asyncio.sleep(0.02)
    world.drain.expire()
    assert await asyncio.wait_for(draining, 5)
    assert gate.ended == 0 and (await broker.depth("work")).ready == 1


async def test_a_job_that_does_not_let_itself_be_stopped_goes_back_to_its_queue(broker: LocalBroker) -> None:
    world = new_world()
    started = asyncio.Event()

    async def stubborn(_job: Any) -> Outcome:
        started.set()
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                if asyncio.current_task().cancelling() > 1:  # type: ignore[union-attr]
                    raise

    consumers = Consumers([bound_queue(stubborn)], world.engine(broker))
    await publish(broker, 1)
    consumers.start()
    await started.wait()
    assert not await consumers.drain(0.02)
    depth = await broker.depth("work")
    assert (depth.ready, depth.unacked, depth.consumers) == (1, 0, 0)


async def test_deliveries_that_are_buffered_when_the_drain_begins_are_handed_back() -> None:
    """A driver may hold a delivery that nobody has asked for yet; a stop does not take it back."""
    world = new_world()

    async def never(_job: Any) -> Outcome:
        raise AssertionError("the process is leaving")

    subscribe = world.broker.subscribe

    async def subscribe_and_buffer(queue: str, *, prefetch: int = 1) -> Any:
        subscription = await subscribe(queue, prefetch=prefetch)
        buffered = [delivery_of()]
        world.drain.request()

        async def next_buffered(timeout_s: float | None = None) -> Any:
            return buffered.pop() if buffered else None

        subscription.next = next_buffered  # type: ignore[method-assign]
        return subscription

    world.broker.subscribe = subscribe_and_buffer  # type: ignore[method-assign]
    consumers = Consumers([bound_queue(never)], world.engine())
    consumers.start()
    await until(lambda: world.journal.steps)
    assert await consumers.drain(5)
    assert world.journal.steps == ["subscribe work", "publish work", "ack"]


async def test_a_drain_without_work_is_quick_and_leaves_no_task(broker: LocalBroker) -> None:
    world = new_world()
    before = asyncio.all_tasks()
    consumers = Consumers([bound_queue(answering(JUST_DONE), consumers=4)], world.engine(broker))
    consumers.start()
    await until(lambda: consumers.health()[0].attached == 4)
    assert await asyncio.wait_for(consumers.drain(30), 5)
    assert asyncio.all_tasks() - before == set()


async def test_the_lag_of_the_loop_is_measured(broker: LocalBroker) -> None:
    world = new_world()
    consumers = Consumers([bound_queue(answering(JUST_DONE))], world.engine(broker))
    consumers.start()
    await asyncio.sleep(0.03)
    time.sleep(0.2)
    await until(lambda: world.count("justlens_loop_lag_seconds") > 0.1)
    assert await consumers.drain(5)

"""A process's consumers: as many as there should be, watched, and drained without losing anything."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from orchestrator.config import Pipeline, QueueSpec
from orchestrator.domain.errors import Unavailable
from orchestrator.domain.outcome import Outcome
from orchestrator.runtime import lifecycle
from orchestrator.runtime.lifecycle import Consumers, QueueHealth
from orchestrator.runtime.local import LocalBroker
from orchestrator.runtime.ports import Message
from tests.kit.fakes import (
    JUST_DONE,
    Journal,
    answering,
    body_of,
    delivery_of,
    lane_of,
    new_world,
    quick_and_quiet,
    until,
)

SPEC = QueueSpec(stage="s", retry_delays_s=(5, 30))
PIPELINE = Pipeline(version=1, queues={"work": SPEC, "after": SPEC})


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(lifecycle, "WATCH_EVERY_S", 0.02)
    monkeypatch.setattr(lifecycle, "HAND_BACK_S", 0.3)
    monkeypatch.setattr(lifecycle, "LAG_SAMPLE_S", 0.01)
    with quick_and_quiet(monkeypatch):
        yield


@pytest.fixture
async def broker() -> AsyncIterator[LocalBroker]:
    opened = await LocalBroker(":memory:", PIPELINE).open()
    yield opened
    await opened.close()


async def publish(broker: LocalBroker, count: int) -> None:
    for number in range(count):
        job_id = f"018bcfe5-6800-7000-8000-{number:012d}"
        await broker.publish("work", Message(body_of(image_id=number, job_id=job_id), {}, job_id))


class Gate:
    """A stage that waits until it is opened, and counts."""

    def __init__(self) -> None:
        self.opened = asyncio.Event()
        self.running = 0
        self.most = 0
        self.ended = 0

    async def __call__(self, _job: Any) -> Outcome:
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await self.opened.wait()
            self.ended += 1
        finally:
            self.running -= 1
        return JUST_DONE


async def test_a_queue_has_as_many_jobs_in_progress_as_it_has_consumers(broker: LocalBroker) -> None:
    world, gate = new_world(), Gate()
    consumers = Consumers([lane_of(gate, consumers=3)], world.engine(broker))
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
    lanes = [lane_of(stuck, consumers=2), lane_of(free, queue="after", consumers=1)]
    consumers = Consumers(lanes, world.engine(broker))
    await publish(broker, 5)
    consumers.start()
    await until(lambda: stuck.running == 2)
    await broker.publish("after", Message(body_of(), {}, None))
    await until(lambda: free.ended == 1)
    stuck.opened.set()
    assert await consumers.drain(5)


async def test_a_drain_lets_running_jobs_finish_and_takes_no_new_ones(broker: LocalBroker) -> None:
    world, gate = new_world(), Gate()
    consumers = Consumers([lane_of(gate, consumers=2)], world.engine(broker))
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
    consumers = Consumers([lane_of(gate, consumers=2)], world.engine(broker))
    await publish(broker, 3)
    consumers.start()
    await until(lambda: gate.running == 2)
    assert await consumers.drain(0.02), "a job that was handed back is settled"
    depth = await broker.depth("work")
    assert gate.ended == 0 and (depth.ready, depth.unacked) == (3, 0)
    assert world.count("justlens_jobs_total", queue="work", end="handed_back") == 2
    subscription = await broker.subscribe("work", prefetch=3)
    delivered = [await subscription.next(1) for _ in range(3)]
    hand_backs = sorted(d.headers.get("x-hand-backs", 0) for d in delivered if d is not None)
    assert hand_backs == [0, 1, 1]
    assert all(d is not None and d.delivery_count == 0 for d in delivered), "a hand-back is no failed delivery"
    await subscription.close()


async def test_a_drain_can_be_cut_short(broker: LocalBroker) -> None:
    world, gate = new_world(), Gate()
    consumers = Consumers([lane_of(gate)], world.engine(broker))
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

    consumers = Consumers([lane_of(stubborn)], world.engine(broker))
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
    consumers = Consumers([lane_of(never)], world.engine())
    consumers.start()
    await until(lambda: world.journal.steps)
    assert await consumers.drain(5)
    assert world.journal.steps == ["subscribe work", "publish work", "ack"]


async def test_a_drain_without_work_is_quick_and_leaves_no_task(broker: LocalBroker) -> None:
    world = new_world()
    before = asyncio.all_tasks()
    consumers = Consumers([lane_of(answering(JUST_DONE), consumers=4)], world.engine(broker))
    consumers.start()
    await until(lambda: consumers.health()[0].attached == 4)
    assert await asyncio.wait_for(consumers.drain(30), 5)
    assert asyncio.all_tasks() - before == set()


async def test_the_watchdog_detaches_consumers_that_the_broker_no_longer_sees() -> None:
    world = new_world()
    consumers = Consumers([lane_of(answering(JUST_DONE), consumers=2)], world.engine())
    consumers.start()
    await until(lambda: consumers.health()[0].attached == 2)
    world.broker.seen_consumers = 1
    await until(lambda: len(world.broker.subscriptions) >= 4)
    world.broker.seen_consumers = None
    await until(lambda: consumers.health()[0].attached == 2)
    await world.broker.deliver(delivery_of())
    await until(lambda: "ack" in world.journal.steps)
    assert await consumers.drain(5)


async def test_the_watchdog_leaves_consumers_alone_that_the_broker_sees() -> None:
    world = new_world()
    consumers = Consumers([lane_of(answering(JUST_DONE), consumers=2)], world.engine())
    consumers.start()
    await until(lambda: _looks(world.journal) > 5)
    assert await consumers.drain(5)
    assert len(world.broker.subscriptions) == 2


async def test_one_short_count_is_no_proof() -> None:
    world = new_world()
    consumers = Consumers([lane_of(answering(JUST_DONE))], world.engine())
    consumers.start()
    await until(lambda: consumers.health()[0].attached == 1)
    world.broker.seen_consumers = 0
    looks = _looks(world.journal)
    await until(lambda: _looks(world.journal) == looks + 1)
    world.broker.seen_consumers = None
    await until(lambda: _looks(world.journal) > looks + 4)
    assert await consumers.drain(5) and len(world.broker.subscriptions) == 1


async def test_the_watchdog_never_takes_a_delivery_out_of_working_hands() -> None:
    world, gate = new_world(), Gate()
    consumers = Consumers([lane_of(gate)], world.engine())
    consumers.start()
    await world.broker.deliver(delivery_of())
    await until(lambda: gate.running)
    world.broker.seen_consumers = 0
    await until(lambda: _looks(world.journal) > 5)
    assert len(world.broker.subscriptions) == 1 and not world.broker.subscriptions[0].closed
    gate.opened.set()
    await until(lambda: "ack" in world.journal.steps)
    assert gate.ended == 1
    assert await consumers.drain(5)


@pytest.mark.parametrize("error", [Unavailable("broker"), ZeroDivisionError("a bug")])
async def test_a_watchdog_that_cannot_look_goes_on_looking(error: Exception) -> None:
    world = new_world()
    world.journal.fail("depth", error, error)
    consumers = Consumers([lane_of(answering(JUST_DONE))], world.engine())
    consumers.start()
    await until(lambda: _looks(world.journal) > 3)
    world.broker.seen_consumers = 0
    await until(lambda: len(world.broker.subscriptions) >= 2)
    assert await consumers.drain(5)


async def test_a_long_drain_does_not_report_stopped_consumers_as_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(lifecycle.log, "error", lambda event, **_: said.append(event), raising=False)
    world, gate = new_world(), Gate()
    consumers = Consumers([lane_of(gate)], world.engine())
    consumers.start()
    await world.broker.deliver(delivery_of())
    await until(lambda: gate.running)
    draining = asyncio.create_task(consumers.drain(10))
    await asyncio.sleep(0.15)
    gate.opened.set()
    assert await draining and said == []


async def test_the_lag_of_the_loop_is_measured(broker: LocalBroker) -> None:
    world = new_world()
    consumers = Consumers([lane_of(answering(JUST_DONE))], world.engine(broker))
    consumers.start()
    await asyncio.sleep(0.03)
    time.sleep(0.2)
    await until(lambda: world.count("justlens_loop_lag_seconds") > 0.1)
    assert await consumers.drain(5)


def _looks(journal: Journal) -> int:
    return sum(step.startswith("depth") for step in journal.steps)

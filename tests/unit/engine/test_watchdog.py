"""The watchdog: consumers that the broker no longer sees are attached again, all others are left alone."""

import asyncio

import pytest

from orchestrator.domain.errors import Unavailable
from orchestrator.runtime import lifecycle
from orchestrator.runtime.lifecycle import Consumers
from tests.kit.fake_broker import Journal
from tests.kit.fake_stages import Gate
from tests.kit.fakes import JUST_DONE, answering, bound_queue, delivery_of, new_world
from tests.kit.polling import until

pytestmark = pytest.mark.usefixtures("_quick_lifecycle")


async def test_the_watchdog_detaches_consumers_that_the_broker_no_longer_sees() -> None:
    world = new_world()
    consumers = Consumers([bound_queue(answering(JUST_DONE), consumers=2)], world.engine())
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
    consumers = Consumers([bound_queue(answering(JUST_DONE), consumers=2)], world.engine())
    consumers.start()
    await until(lambda: _looks(world.journal) > 5)
    assert await consumers.drain(5)
    assert len(world.broker.subscriptions) == 2


async def test_one_short_count_is_no_proof() -> None:
    world = new_world()
    consumers = Consumers([bound_queue(answering(JUST_DONE))], world.engine())
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
    consumers = Consumers([bound_queue(gate)], world.engine())
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
    consumers = Consumers([bound_queue(answering(JUST_DONE))], world.engine())
    consumers.start()
    await until(lambda: _looks(world.journal) > 3)
    world.broker.seen_consumers = 0
    await until(lambda: len(world.broker.subscriptions) >= 2)
    assert await consumers.drain(5)


async def test_a_long_drain_does_not_report_stopped_consumers_as_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(lifecycle.log, "error", lambda event, **_: said.append(event), raising=False)
    world, gate = new_world(), Gate()
    consumers = Consumers([bound_queue(gate)], world.engine())
    consumers.start()
    await world.broker.deliver(delivery_of())
    await until(lambda: gate.running)
    draining = asyncio.create_task(consumers.drain(10))
    await asyncio.sleep(0.15)
    gate.opened.set()
    assert await draining and said == []


def _looks(journal: Journal) -> int:
    return sum(step.startswith("depth") for step in journal.steps)

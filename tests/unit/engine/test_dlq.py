"""Passes over an error queue: what is meant is settled, what is not goes back, and the index agrees."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from orchestrator.config import Pipeline, QueueSpec
from orchestrator.domain.deadletters import read_letter
from orchestrator.domain.errors import Unavailable
from orchestrator.domain.ledger import DeadLetter, DeadLetterFilter
from orchestrator.runtime import dlq
from orchestrator.runtime.dlq import PassReport, Selection, reconcile, settle_letters
from orchestrator.runtime.local import LocalBroker
from orchestrator.runtime.outcomes import DeadLetterAction, Drop, Replay
from orchestrator.runtime.ports import Message
from tests.kit.fakes import body_of, job_id, new_world
from tests.kit.letters import EVERY, NOW, bury, contents, run_pass, waiting

PIPELINE = Pipeline(version=1, queues={"work": QueueSpec(stage="s")})


@pytest.fixture(autouse=True)
def _brief(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dlq, "QUIET_S", 0.5)


@pytest.fixture
async def broker() -> AsyncIterator[LocalBroker]:
    opened = await LocalBroker(":memory:", PIPELINE).open()
    yield opened
    await opened.close()


async def test_every_letter_is_replayed_and_leaves_queue_and_index(broker: LocalBroker) -> None:
    world = new_world()
    for number in range(5):
        await bury(broker, number)
    await reconcile("work", broker=broker, ledger=world.ledger, index=world.index)
    assert len(world.index.letters) == 5
    report = await run_pass(broker, world, EVERY)
    assert (report.present, report.scanned, report.parked, len(report.settled)) == (5, 5, 0, 5)
    assert (await waiting(broker, "error.work"), await waiting(broker, "work")) == (0, 5)
    assert world.index.letters == {}
    replayed = await contents(broker, "work")
    assert [d.headers["x-replays"] for d in replayed] == [1] * 5
    assert all(d.headers["x-attempt"] == 1 and not any(n.startswith("x-error") for n in d.headers) for d in replayed)


async def test_letters_that_another_pass_holds_are_not_forgotten(broker: LocalBroker) -> None:
    world = new_world()
    for number in range(3):
        await bury(broker, number)
    await reconcile("work", broker=broker, ledger=world.ledger, index=world.index)
    other = await broker.subscribe("error.work", prefetch=10)
    held = [await other.next(5) for _ in range(3)]
    assert all(held)
    report = await run_pass(broker, world, EVERY)
    assert report.shared and not report.settled
    assert (await reconcile("work", broker=broker, ledger=world.ledger, index=world.index)).shared
    assert len(world.index.letters) == 3
    await other.close()
    assert len((await run_pass(broker, world, EVERY)).settled) == 3


@pytest.mark.parametrize(
    ("selection", "numbers"),
    [
        (EVERY, [0, 1, 2]),
        (Selection(DeadLetterFilter(reason="deadline")), [1]),
        (Selection(DeadLetterFilter(business_id="globex")), [2]),
        (Selection(DeadLetterFilter(letter_id=job_id(0))), [0]),
        (Selection(DeadLetterFilter(older_than_s=30)), [0, 1, 2]),
        (Selection(DeadLetterFilter(newer_than_s=30)), []),
        (Selection(DeadLetterFilter(), limit=2), [0, 1]),
        (Selection(DeadLetterFilter(), limit=0), []),
        (Selection(DeadLetterFilter(), force=True), [0, 1, 2, 3]),
        (Selection(DeadLetterFilter(), limit=9, force=True), [0, 1, 2, 3]),
    ],
)
async def test_only_the_letters_that_are_meant_are_settled(
    broker: LocalBroker, selection: Selection, numbers: list[int]
) -> None:
    world = new_world()
    await bury(broker, 0)
    await bury(broker, 1, code="deadline")
    await bury(broker, 2, business="globex")
    await bury(broker, 3, replays=3)
    report = await run_pass(broker, world, selection)
    assert [letter.letter_id for letter in report.settled] == [job_id(n) for n in numbers]
    assert await waiting(broker, "work") == len(numbers)
    assert await waiting(broker, "error.work") == 4 - len(numbers), "what was not meant is back in its queue"


async def test_letters_that_are_parked_are_counted_and_stay(broker: LocalBroker) -> None:
    world = new_world()
    await bury(broker, 0, replays=3)
    await bury(broker, 1, replays=2)
    report = await run_pass(broker, world, EVERY)
    assert report.parked == 1 and [letter.replays for letter in report.settled] == [2]


async def test_dropped_letters_are_in_the_ledger_and_nowhere_else(broker: LocalBroker) -> None:
    world = new_world()
    await bury(broker, 0)
    await broker.publish("error.work", Message(b"garbage", {}, None))
    report = await run_pass(broker, world, EVERY, Drop)
    assert len(report.settled) == 2 and await waiting(broker, "error.work") == 0
    assert [(e.job_id, e.outcome) for e in world.ledger.entries.values()] == [(job_id(0), "dropped")]


async def test_a_letter_with_a_long_body_is_replayed_whole(broker: LocalBroker) -> None:
    world = new_world()
    body = b"x" * 200_000
    await broker.publish("error.work", Message(body, {}, None))
    await run_pass(broker, world, EVERY)
    assert [delivery.body for delivery in await contents(broker, "work")] == [body]


@pytest.mark.parametrize("error", [Unavailable("documents"), ZeroDivisionError("a bug")])
async def test_a_pass_that_breaks_off_loses_no_letter(broker: LocalBroker, error: Exception) -> None:
    world = new_world()
    for number in range(4):
        await bury(broker, number)
    world.journal.fail("forget", None, error)
    with pytest.raises(type(error)):
        await run_pass(broker, world, EVERY)
    assert (await broker.depth("error.work")).ready == 3, "one settled, three back"
    assert await waiting(broker, "work") == 1
    report = await run_pass(broker, world, EVERY)
    assert len(report.settled) == 3 and await waiting(broker, "error.work") == 0


async def test_a_pass_over_an_empty_queue_is_quick(broker: LocalBroker) -> None:
    world = new_world()
    assert await asyncio.wait_for(run_pass(broker, world, EVERY), 1) == PassReport()


async def test_a_pass_does_not_meet_the_letters_that_come_back_during_it(broker: LocalBroker) -> None:
    world = new_world()
    await bury(broker, 0)

    def decide(letter: DeadLetter, _body: bytes) -> DeadLetterAction:
        return Replay(letter)

    publish = broker.publish

    async def publish_and_die_again(queue: str, message: Message) -> None:
        await publish("error.work" if queue == "work" else queue, replace(message, headers={**message.headers}))

    broker.publish = publish_and_die_again  # type: ignore[method-assign]
    report = await asyncio.wait_for(
        settle_letters("work", EVERY, decide, broker=broker, ledger=world.ledger, index=world.index), 5
    )
    assert len(report.settled) == 1 and await waiting(broker, "error.work") == 1


async def test_letters_are_replayed_no_faster_than_asked(broker: LocalBroker) -> None:
    world = new_world()
    for number in range(3):
        await bury(broker, number)
    started = time.monotonic()
    await run_pass(broker, world, replace(EVERY, per_second=20))
    assert time.monotonic() - started >= 0.1


async def test_a_pass_stops_at_the_number_of_letters_it_may_hold(
    broker: LocalBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dlq, "MAX_HELD", 3)
    world = new_world()
    for number in range(5):
        await bury(broker, number, code="bug" if number < 4 else "deadline")
    report = await run_pass(broker, world, Selection(DeadLetterFilter(reason="deadline")))
    assert (report.present, report.scanned, report.settled) == (5, 3, [])
    assert await waiting(broker, "error.work") == 5


async def test_reconciling_indexes_what_is_there_and_forgets_what_is_not(broker: LocalBroker) -> None:
    world = new_world()
    await bury(broker, 0)
    await broker.publish("error.work", Message(b"garbage", {"x-first-death-reason": "delivery_limit"}, None))
    gone = read_letter("work", body_of(job_id=job_id(9)), {}, NOW)
    world.index.letters["work", gone.letter_id] = gone
    report = await reconcile("work", broker=broker, ledger=world.ledger, index=world.index)
    assert (report.present, report.scanned, report.settled) == (2, 2, [])
    assert sorted(letter.reason.code for letter in world.index.letters.values()) == ["bug", "delivery_limit"]
    assert await waiting(broker, "error.work") == 2


async def test_what_another_reader_holds_is_not_forgotten(broker: LocalBroker) -> None:
    world = new_world()
    for number in range(3):
        await bury(broker, number)
    await reconcile("work", broker=broker, ledger=world.ledger, index=world.index)
    other = await broker.subscribe("error.work", prefetch=1)
    assert await other.next(1) is not None
    report = await reconcile("work", broker=broker, ledger=world.ledger, index=world.index)
    assert (report.present, report.scanned) == (3, 2) and len(world.index.letters) == 3
    await other.close()


async def test_reconciling_touches_no_other_queue_s_letters(broker: LocalBroker) -> None:
    world = new_world()
    other = replace(read_letter("elsewhere", body_of(), {}, NOW))
    world.index.letters["elsewhere", other.letter_id] = other
    await reconcile("work", broker=broker, ledger=world.ledger, index=world.index)
    assert list(world.index.letters) == [("elsewhere", other.letter_id)]

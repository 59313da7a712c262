"""A dead letter whose job is done: a copy the broker buried after an ack was lost. It must not look like a loss."""

from collections.abc import AsyncIterator

import pytest

from orchestrator.config import Pipeline, QueueSpec
from orchestrator.domain.ledger import End, LedgerEntry
from orchestrator.runtime.dlq import reconcile
from orchestrator.runtime.local import LocalBroker
from orchestrator.runtime.ports import Message
from tests.kit.fakes import JOB_ID, body_of, new_world


@pytest.fixture
async def broker() -> AsyncIterator[LocalBroker]:
    opened = await LocalBroker(":memory:", Pipeline(version=1, queues={"work": QueueSpec(stage="s")})).open()
    await opened.publish("error.work", Message(body_of(), {"x-first-death-reason": "delivery_limit"}, JOB_ID))
    yield opened
    await opened.close()


def entry(outcome: End, queue: str = "work") -> LedgerEntry:
    return LedgerEntry(JOB_ID, queue, outcome, 1, "acme", "7", received_at=1_700_000_000_000, took_ms=1.0)


async def test_reconciling_removes_the_copy_of_a_job_that_is_done(broker: LocalBroker) -> None:
    world = new_world()
    await world.ledger.record_job(entry("done"))
    report = await reconcile("work", broker=broker, ledger=world.ledger, index=world.index)
    assert [letter.letter_id for letter in report.settled] == [JOB_ID]
    assert (await broker.depth("error.work")).total == 0 and not world.index.letters


@pytest.mark.parametrize("known", [entry("dead"), entry("dropped"), entry("done", queue="elsewhere"), None])
async def test_every_other_letter_stays(broker: LocalBroker, known: LedgerEntry | None) -> None:
    world = new_world()
    if known is not None:
        await world.ledger.record_job(known)
    report = await reconcile("work", broker=broker, ledger=world.ledger, index=world.index)
    assert not report.settled and (await broker.depth("error.work")).ready == 1
    assert list(world.index.letters) == [("work", JOB_ID)]

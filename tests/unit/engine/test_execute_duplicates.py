"""Whether a delivery is run at all: what the ledger says about its job, and what names no job yet."""

import pytest

from orchestrator.domain.ledger import End, LedgerEntry
from orchestrator.runtime.execute import ends_copies, handle
from orchestrator.runtime.outcomes import Settled
from orchestrator.runtime.ports import Delivery
from tests.kit.fake_stages import Stage
from tests.kit.fakes import JOB_ID, JUST_DONE, World, body_of, bound_queue, delivery_of, new_world


def recorded(world: World, outcome: End, replays: int = 0) -> None:
    world.ledger.entries[JOB_ID, "work"] = LedgerEntry(JOB_ID, "work", outcome, 1, "acme", "7", 0, 0.0, replays=replays)


async def test_a_first_delivery_runs_the_stage_without_asking_the_ledger() -> None:
    world, stage = new_world(), Stage(JUST_DONE)
    assert await handle(delivery_of(), bound_queue(stage), world.engine()) == Settled("done")
    assert world.journal.steps == ["ledger done", "ack"] and stage.runs == 1


SEEN_BEFORE = [
    delivery_of(redelivered=True),
    delivery_of(x_attempt=2),
    delivery_of(x_replays=1),
    delivery_of(x_releases=1),
]


@pytest.mark.parametrize("delivery", SEEN_BEFORE)
async def test_a_job_that_is_done_is_not_done_again(delivery: Delivery) -> None:
    world, stage = new_world(), Stage(JUST_DONE)
    recorded(world, "done")
    assert await handle(delivery, bound_queue(stage), world.engine()) == Settled("duplicate")
    assert world.journal.steps == ["find", "ack"] and stage.runs == 0


@pytest.mark.parametrize("delivery", SEEN_BEFORE)
async def test_a_job_that_is_not_ended_runs_however_often_it_was_sent(delivery: Delivery) -> None:
    world, stage = new_world(), Stage(JUST_DONE)
    assert await handle(delivery, bound_queue(stage), world.engine()) == Settled("done")
    assert stage.runs == 1


@pytest.mark.parametrize(
    ("outcome", "recorded_replays", "replays", "ends"),
    [
        ("done", 0, 0, True),
        ("done", 0, 3, True),
        ("dead", 0, 0, True),
        ("dead", 1, 0, True),
        ("dead", 0, 1, False),
        ("dead", 1, 1, True),
        ("dropped", 0, 0, False),
        ("dropped", 5, 0, False),
    ],
)
def test_a_recorded_end_ends_the_copies_that_were_sent_before_it(
    outcome: str, recorded_replays: int, replays: int, ends: bool
) -> None:
    assert ends_copies(outcome, recorded_replays, replays) is ends


@pytest.mark.parametrize(("replays", "end"), [(0, "duplicate"), (1, "duplicate"), (2, "done")])
async def test_a_dead_job_stays_dead_unless_it_was_replayed_since(replays: int, end: str) -> None:
    world, stage = new_world(), Stage(JUST_DONE)
    recorded(world, "dead", replays=1)
    delivery = delivery_of(redelivered=True, x_replays=replays)
    assert (await handle(delivery, bound_queue(stage), world.engine())).outcome == end
    assert stage.runs == (end == "done")


async def test_a_job_without_identity_is_stamped_before_anything_else_even_while_leaving() -> None:
    world, stage = new_world(), Stage(JUST_DONE)
    world.drain.request()
    delivery = delivery_of(body_of(job_id=None), redelivered=True)
    assert await handle(delivery, bound_queue(stage), world.engine()) == Settled("identity_assigned")
    assert world.journal.steps == ["publish work", "ack"] and stage.runs == 0

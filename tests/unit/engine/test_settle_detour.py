"""Settling a detour: the job goes through another queue first, has not ended, and its second visit is no duplicate."""

from dataclasses import replace

from orchestrator.domain.outcome import Next, RouteVia
from orchestrator.runtime.execute import handle
from orchestrator.runtime.outcomes import Settled
from tests.kit.fakes import JOB_ID, JUST_DONE, bound_queue, delivery_of, new_world
from tests.kit.settling import AWAY, FOLLOWING, settled

AROUND = RouteVia(Next("follow", FOLLOWING))


async def test_a_detour_is_a_confirmed_publish_then_the_ledger_then_the_ack() -> None:
    world = new_world()
    assert await settled(world, AROUND) == Settled("routed")
    assert world.journal.steps == ["publish after", "ledger routed", "ack"]
    assert world.ledger.entries[JOB_ID, "work"].outcome == "routed"
    assert world.broker.published[0][1].body == FOLLOWING.encode()


async def test_a_detour_that_is_not_confirmed_is_tried_again_before_anything_is_recorded() -> None:
    world = new_world()
    world.journal.fail("publish", AWAY)
    assert await settled(world, AROUND) == Settled("routed")
    assert world.journal.steps == ["publish after!", "publish after", "ledger routed", "ack"]


async def test_the_second_visit_of_a_detoured_job_runs_even_when_it_is_redelivered() -> None:
    world = new_world()
    await settled(world, AROUND)

    async def stage(_job: object) -> object:
        return JUST_DONE

    again = replace(delivery_of(), redelivered=True)
    assert await handle(again, bound_queue(stage), world.engine()) == Settled("done")
    assert world.ledger.entries[JOB_ID, "work"].outcome == "done"


async def test_a_first_visit_that_comes_again_after_the_job_was_done_is_a_duplicate() -> None:
    world = new_world()
    await settled(world, JUST_DONE)
    assert await settled(world, AROUND, replace(delivery_of(), redelivered=True)) == Settled("duplicate")
    assert not world.broker.published

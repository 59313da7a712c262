"""What ends a running stage from outside: its deadline, the drain, a cancellation."""

import asyncio
from typing import Any

import pytest

from orchestrator.domain.errors import Reason, Unavailable
from orchestrator.domain.outcome import Outcome
from orchestrator.runtime.execute import handle
from orchestrator.runtime.outcomes import Settled
from tests.kit.fake_stages import Stage
from tests.kit.fakes import JUST_DONE, bound_queue, delivery_of, new_world


async def test_a_stage_that_takes_longer_than_its_deadline_costs_an_attempt() -> None:
    world = new_world()
    cleaned: list[str] = []

    async def slow(_job: Any) -> Outcome:
        try:
            await asyncio.sleep(60)
        finally:
            cleaned.append("yes")
        return JUST_DONE

    settled = await handle(delivery_of(), bound_queue(slow, deadline_s=0.05), world.engine())
    assert settled == Settled("retried", Reason("deadline", "the stage took longer than 0.05 s"))
    assert world.journal.steps == ["publish retry.work.5000ms", "ack"] and cleaned == ["yes"]


async def test_each_try_after_a_wait_has_the_whole_deadline() -> None:
    world = new_world()
    stage_runs = 0

    async def slow(_job: Any) -> Outcome:
        nonlocal stage_runs
        stage_runs += 1
        await asyncio.sleep(0.1)
        if stage_runs < 4:
            raise Unavailable("store")
        return JUST_DONE

    assert await handle(delivery_of(), bound_queue(slow, deadline_s=0.3), world.engine()) == Settled("done")


async def test_a_timeout_of_the_stage_s_own_is_a_bug_and_no_deadline() -> None:
    world = new_world()

    async def impatient(_job: Any) -> Outcome:
        async with asyncio.timeout(0.01):
            await asyncio.sleep(60)
        return JUST_DONE

    settled = await handle(delivery_of(), bound_queue(impatient), world.engine())
    assert settled.reason is not None and settled.reason.code == "bug"
    assert settled.reason.message == "TimeoutError in the stage; see the log"


async def test_the_end_of_the_drain_hands_a_running_job_back_with_the_same_attempt() -> None:
    world, started = new_world(), asyncio.Event()

    async def slow(_job: Any) -> Outcome:
        started.set()
        await asyncio.sleep(60)
        return JUST_DONE

    task = asyncio.create_task(handle(delivery_of(x_attempt=2), bound_queue(slow), world.engine()))
    await started.wait()
    world.drain.request()
    await asyncio.sleep(0.02)
    assert not task.done(), "a drain that has only begun lets the stage finish"
    world.drain.expire()
    assert await asyncio.wait_for(task, 5) == Settled("released")
    assert world.journal.steps == ["find", "publish work", "ack"]
    assert world.broker.published[0][1].headers["x-attempt"] == 2
    assert world.broker.published[0][1].headers["x-releases"] == 1


async def test_a_stage_that_ends_while_the_process_leaves_is_settled() -> None:
    world, go_on = new_world(), asyncio.Event()

    async def slow(_job: Any) -> Outcome:
        await go_on.wait()
        return JUST_DONE

    task = asyncio.create_task(handle(delivery_of(), bound_queue(slow), world.engine()))
    await asyncio.sleep(0.01)
    world.drain.request()
    go_on.set()
    assert await task == Settled("done")
    assert world.journal.steps == ["ledger done", "ack"]


async def test_a_drain_that_is_over_before_the_stage_begins_hands_back() -> None:
    world, stage = new_world(), Stage(JUST_DONE)
    world.drain.expire()
    assert await handle(delivery_of(), bound_queue(stage), world.engine()) == Settled("released")
    assert stage.runs == 0


async def test_a_library_that_cancels_itself_is_a_bug_and_no_shutdown() -> None:
    settled = await handle(delivery_of(), bound_queue(Stage(asyncio.CancelledError())), new_world().engine())
    assert settled.outcome == "retried" and settled.reason is not None
    assert settled.reason.message == "CancelledError in the stage; see the log"


async def test_a_consumer_that_is_cancelled_leaves_its_delivery_unacked() -> None:
    world, started = new_world(), asyncio.Event()

    async def slow(_job: Any) -> Outcome:
        started.set()
        await asyncio.sleep(60)
        return JUST_DONE

    task = asyncio.create_task(handle(delivery_of(), bound_queue(slow), world.engine()))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert world.journal.steps == [] and world.count("justlens_jobs_in_progress", queue="work") == 0


async def test_an_error_that_is_raised_while_cancelled_is_not_taken_for_the_stage_s_outcome() -> None:
    world, started = new_world(), asyncio.Event()

    async def clumsy(_job: Any) -> Outcome:
        started.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            raise RuntimeError("while cleaning up") from None
        return JUST_DONE

    task = asyncio.create_task(handle(delivery_of(), bound_queue(clumsy), world.engine()))
    await started.wait()
    task.cancel()
    with pytest.raises(RuntimeError):
        await task
    assert world.journal.steps == []

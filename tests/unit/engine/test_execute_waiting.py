"""What is away is waited for in place, until the process leaves or the broker would lose patience."""

import asyncio
import time
from typing import Any

from orchestrator.domain.errors import Unavailable
from orchestrator.domain.outcome import Outcome
from orchestrator.runtime.execute import handle
from orchestrator.runtime.outcomes import Settled
from tests.kit.fake_stages import Stage
from tests.kit.fakes import JOB_ID, JUST_DONE, bound_queue, delivery_of, new_world
from tests.kit.polling import until


async def test_what_is_away_is_waited_for_in_place_and_costs_no_attempt() -> None:
    world = new_world()
    waiting: list[float] = []

    class Busy(Stage):
        async def __call__(self, job: Any) -> Outcome:
            waiting.append(world.count("justlens_waiting", queue="work", dependency="enhance workers"))
            return await super().__call__(job)

    away = Unavailable("enhance workers", "all busy")
    stage = Busy(away, away, Unavailable("store"), JUST_DONE)
    assert await handle(delivery_of(), bound_queue(stage, retry_delays_s=()), world.engine()) == Settled("done")
    assert stage.runs == 4 and world.journal.steps == ["ledger done", "ack"]
    assert world.ledger.entries[JOB_ID, "work"].attempts == 1
    assert waiting == [0, 0, 0, 0] and world.count("justlens_waiting", queue="work", dependency="store") == 0


async def test_while_it_waits_the_metrics_say_for_what() -> None:
    world = new_world()
    stage = Stage(Unavailable("store", retry_after_s=60))
    task = asyncio.create_task(handle(delivery_of(), bound_queue(stage), world.engine()))
    await until(lambda: world.count("justlens_waiting", queue="work", dependency="store") == 1)
    assert world.count("justlens_jobs_in_progress", queue="work") == 1
    world.drain.request()
    assert await task == Settled("released")
    assert world.count("justlens_waiting", queue="work", dependency="store") == 0


async def test_a_waiting_job_is_handed_back_at_once_when_the_process_leaves() -> None:
    world = new_world()
    stage = Stage(Unavailable("store", retry_after_s=600))
    task = asyncio.create_task(handle(delivery_of(x_attempt=2), bound_queue(stage), world.engine()))
    await until(lambda: stage.runs)
    world.drain.request()
    assert await asyncio.wait_for(task, 5) == Settled("released")
    assert world.journal.steps == ["find", "publish work", "ack"] and stage.runs == 1
    assert world.broker.published[0][1].headers["x-attempt"] == 2


async def test_a_waiting_job_is_handed_back_before_the_broker_s_ack_timeout() -> None:
    world = new_world(ack_timeout_s=0.5)
    stage = Stage(Unavailable("store"))
    started = time.monotonic()
    assert await handle(delivery_of(), bound_queue(stage), world.engine()) == Settled("released")
    assert 0.35 <= time.monotonic() - started < 5
    assert world.journal.steps == ["publish work", "ack"] and stage.runs > 1


async def test_a_running_stage_is_handed_back_before_the_broker_s_ack_timeout() -> None:
    world = new_world(ack_timeout_s=0.25)

    async def endless(_job: Any) -> Outcome:
        await asyncio.Event().wait()
        raise AssertionError

    assert await handle(delivery_of(), bound_queue(endless), world.engine()) == Settled("released")
    assert world.broker.published[0][1].headers["x-attempt"] == 1


async def test_a_ledger_that_is_away_is_waited_for() -> None:
    world, stage = new_world(), Stage(JUST_DONE)
    world.journal.fail("find", Unavailable("documents"), Unavailable("documents"))
    assert await handle(delivery_of(redelivered=True), bound_queue(stage), world.engine()) == Settled("done")
    assert world.journal.steps == ["find!", "find!", "find", "ledger done", "ack"]


async def test_a_ledger_that_stays_away_while_the_process_leaves_hands_the_job_back() -> None:
    world, stage = new_world(), Stage(JUST_DONE)
    world.journal.fail("find", *[Unavailable("documents")] * 50)
    task = asyncio.create_task(handle(delivery_of(redelivered=True), bound_queue(stage), world.engine()))
    await until(lambda: world.journal.steps)
    world.drain.request()
    assert await task == Settled("released") and stage.runs == 0

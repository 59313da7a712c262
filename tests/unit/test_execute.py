"""Executing: what a delivery is to become, and who pays for what went wrong."""

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import pytest

from orchestrator.domain.errors import JobFailed, JobRefused, Reason, Unavailable
from orchestrator.domain.ledger import LedgerEntry, Terminal
from orchestrator.domain.outcome import Outcome
from orchestrator.runtime.ends import Settled
from orchestrator.runtime.execute import ends_copies, handle
from orchestrator.runtime.ports import Delivery
from tests.kit.fakes import (
    JOB_ID,
    JUST_DONE,
    World,
    answering,
    body_of,
    delivery_of,
    lane_of,
    new_world,
    quick_and_quiet,
    until,
)

TRACE = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with quick_and_quiet(monkeypatch):
        yield


class Stage:
    """A stage that counts its runs and answers, or raises, what it is told."""

    def __init__(self, *outcomes: Outcome | BaseException) -> None:
        self.runs = 0
        self._answer = answering(*outcomes)

    async def __call__(self, job: Any) -> Outcome:
        self.runs += 1
        return await self._answer(job)


def recorded(world: World, outcome: Terminal, replays: int = 0) -> None:
    world.ledger.entries[JOB_ID, "work"] = LedgerEntry(JOB_ID, "work", outcome, 1, "acme", "7", 0, 0.0, replays=replays)


async def test_a_first_delivery_runs_the_stage_without_asking_the_ledger() -> None:
    world, stage = new_world(), Stage(JUST_DONE)
    assert await handle(delivery_of(), lane_of(stage), world.engine()) == Settled("done")
    assert world.journal.steps == ["ledger done", "ack"] and stage.runs == 1


SEEN_BEFORE = [
    delivery_of(redelivered=True),
    delivery_of(x_attempt=2),
    delivery_of(x_replays=1),
    delivery_of(x_hand_backs=1),
]


@pytest.mark.parametrize("delivery", SEEN_BEFORE)
async def test_a_job_that_is_done_is_not_done_again(delivery: Delivery) -> None:
    world, stage = new_world(), Stage(JUST_DONE)
    recorded(world, "done")
    assert await handle(delivery, lane_of(stage), world.engine()) == Settled("duplicate")
    assert world.journal.steps == ["find", "ack"] and stage.runs == 0


@pytest.mark.parametrize("delivery", SEEN_BEFORE)
async def test_a_job_that_is_not_ended_runs_however_often_it_was_sent(delivery: Delivery) -> None:
    world, stage = new_world(), Stage(JUST_DONE)
    assert await handle(delivery, lane_of(stage), world.engine()) == Settled("done")
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
    assert (await handle(delivery, lane_of(stage), world.engine())).end == end
    assert stage.runs == (end == "done")


async def test_a_job_without_identity_is_stamped_before_anything_else_even_while_leaving() -> None:
    world, stage = new_world(), Stage(JUST_DONE)
    world.drain.request()
    delivery = delivery_of(body_of(job_id=None), redelivered=True)
    assert await handle(delivery, lane_of(stage), world.engine()) == Settled("stamped")
    assert world.journal.steps == ["publish work", "ack"] and stage.runs == 0


async def test_what_is_away_is_waited_for_in_place_and_costs_no_attempt() -> None:
    world = new_world()
    waiting: list[float] = []

    class Busy(Stage):
        async def __call__(self, job: Any) -> Outcome:
            waiting.append(world.count("justlens_waiting", queue="work", dependency="enhance workers"))
            return await super().__call__(job)

    away = Unavailable("enhance workers", "all busy")
    stage = Busy(away, away, Unavailable("store"), JUST_DONE)
    assert await handle(delivery_of(), lane_of(stage, retry_delays_s=()), world.engine()) == Settled("done")
    assert stage.runs == 4 and world.journal.steps == ["ledger done", "ack"]
    assert world.ledger.entries[JOB_ID, "work"].attempts == 1
    assert waiting == [0, 0, 0, 0] and world.count("justlens_waiting", queue="work", dependency="store") == 0


async def test_while_it_waits_the_metrics_say_for_what() -> None:
    world = new_world()
    stage = Stage(Unavailable("store", retry_after_s=60))
    task = asyncio.create_task(handle(delivery_of(), lane_of(stage), world.engine()))
    await until(lambda: world.count("justlens_waiting", queue="work", dependency="store") == 1)
    assert world.count("justlens_jobs_in_progress", queue="work") == 1
    world.drain.request()
    assert await task == Settled("handed_back")
    assert world.count("justlens_waiting", queue="work", dependency="store") == 0


async def test_a_waiting_job_is_handed_back_at_once_when_the_process_leaves() -> None:
    world = new_world()
    stage = Stage(Unavailable("store", retry_after_s=600))
    task = asyncio.create_task(handle(delivery_of(x_attempt=2), lane_of(stage), world.engine()))
    await until(lambda: stage.runs)
    world.drain.request()
    assert await asyncio.wait_for(task, 5) == Settled("handed_back")
    assert world.journal.steps == ["find", "publish work", "ack"] and stage.runs == 1
    assert world.broker.published[0][1].headers["x-attempt"] == 2


async def test_a_waiting_job_is_handed_back_before_the_broker_s_ack_timeout() -> None:
    world = new_world(ack_timeout_s=0.5)
    stage = Stage(Unavailable("store"))
    started = time.monotonic()
    assert await handle(delivery_of(), lane_of(stage), world.engine()) == Settled("handed_back")
    assert 0.35 <= time.monotonic() - started < 5
    assert world.journal.steps == ["publish work", "ack"] and stage.runs > 1


async def test_a_running_stage_is_handed_back_before_the_broker_s_ack_timeout() -> None:
    world = new_world(ack_timeout_s=0.25)

    async def endless(_job: Any) -> Outcome:
        await asyncio.Event().wait()
        raise AssertionError

    assert await handle(delivery_of(), lane_of(endless), world.engine()) == Settled("handed_back")
    assert world.broker.published[0][1].headers["x-attempt"] == 1


async def test_a_ledger_that_is_away_is_waited_for() -> None:
    world, stage = new_world(), Stage(JUST_DONE)
    world.journal.fail("find", Unavailable("documents"), Unavailable("documents"))
    assert await handle(delivery_of(redelivered=True), lane_of(stage), world.engine()) == Settled("done")
    assert world.journal.steps == ["find!", "find!", "find", "ledger done", "ack"]


async def test_a_ledger_that_stays_away_while_the_process_leaves_hands_the_job_back() -> None:
    world, stage = new_world(), Stage(JUST_DONE)
    world.journal.fail("find", *[Unavailable("documents")] * 50)
    task = asyncio.create_task(handle(delivery_of(redelivered=True), lane_of(stage), world.engine()))
    await until(lambda: world.journal.steps)
    world.drain.request()
    assert await task == Settled("handed_back") and stage.runs == 0


async def test_a_stage_that_takes_longer_than_its_deadline_costs_an_attempt() -> None:
    world = new_world()
    cleaned: list[str] = []

    async def slow(_job: Any) -> Outcome:
        try:
            await asyncio.sleep(60)
        finally:
            cleaned.append("yes")
        return JUST_DONE

    settled = await handle(delivery_of(), lane_of(slow, deadline_s=0.05), world.engine())
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

    assert await handle(delivery_of(), lane_of(slow, deadline_s=0.3), world.engine()) == Settled("done")


async def test_a_timeout_of_the_stage_s_own_is_a_bug_and_no_deadline() -> None:
    world = new_world()

    async def impatient(_job: Any) -> Outcome:
        async with asyncio.timeout(0.01):
            await asyncio.sleep(60)
        return JUST_DONE

    settled = await handle(delivery_of(), lane_of(impatient), world.engine())
    assert settled.reason is not None and settled.reason.code == "bug"
    assert settled.reason.message == "TimeoutError in the stage; see the log"


async def test_the_end_of_the_drain_hands_a_running_job_back_with_the_same_attempt() -> None:
    world, started = new_world(), asyncio.Event()

    async def slow(_job: Any) -> Outcome:
        started.set()
        await asyncio.sleep(60)
        return JUST_DONE

    task = asyncio.create_task(handle(delivery_of(x_attempt=2), lane_of(slow), world.engine()))
    await started.wait()
    world.drain.request()
    await asyncio.sleep(0.02)
    assert not task.done(), "a drain that has only begun lets the stage finish"
    world.drain.expire()
    assert await asyncio.wait_for(task, 5) == Settled("handed_back")
    assert world.journal.steps == ["find", "publish work", "ack"]
    assert world.broker.published[0][1].headers["x-attempt"] == 2
    assert world.broker.published[0][1].headers["x-hand-backs"] == 1


async def test_a_stage_that_ends_while_the_process_leaves_is_settled() -> None:
    world, go_on = new_world(), asyncio.Event()

    async def slow(_job: Any) -> Outcome:
        await go_on.wait()
        return JUST_DONE

    task = asyncio.create_task(handle(delivery_of(), lane_of(slow), world.engine()))
    await asyncio.sleep(0.01)
    world.drain.request()
    go_on.set()
    assert await task == Settled("done")
    assert world.journal.steps == ["ledger done", "ack"]


async def test_a_drain_that_is_over_before_the_stage_begins_hands_back() -> None:
    world, stage = new_world(), Stage(JUST_DONE)
    world.drain.expire()
    assert await handle(delivery_of(), lane_of(stage), world.engine()) == Settled("handed_back")
    assert stage.runs == 0


@pytest.mark.parametrize(
    ("error", "settled"),
    [
        (
            JobRefused("not_a_picture", "cannot be decoded"),
            Settled("dead", Reason("not_a_picture", "cannot be decoded")),
        ),
        (JobFailed("http_500", "the source said 500"), Settled("retried", Reason("http_500", "the source said 500"))),
    ],
)
async def test_a_job_s_own_fault_says_so(error: Exception, settled: Settled) -> None:
    assert await handle(delivery_of(), lane_of(Stage(error)), new_world().engine()) == settled


@pytest.mark.parametrize("error", [KeyError("canary-5ecret"), TimeoutError("canary-5ecret"), RecursionError()])
async def test_a_bug_costs_an_attempt_and_its_frames_travel_without_its_text(error: Exception) -> None:
    world = new_world()
    settled = await handle(delivery_of(x_attempt=3), lane_of(Stage(error)), world.engine())
    assert settled.end == "dead" and settled.reason is not None and settled.reason.code == "bug"
    assert settled.reason.message == f"{type(error).__name__} in the stage; see the log"
    assert "run (fakes.py:" in settled.reason.stack
    assert "canary" not in str(dict(world.broker.published[0][1].headers))


async def test_a_library_that_cancels_itself_is_a_bug_and_no_shutdown() -> None:
    settled = await handle(delivery_of(), lane_of(Stage(asyncio.CancelledError())), new_world().engine())
    assert settled.end == "retried" and settled.reason is not None
    assert settled.reason.message == "CancelledError in the stage; see the log"


async def test_a_consumer_that_is_cancelled_leaves_its_delivery_unacked() -> None:
    world, started = new_world(), asyncio.Event()

    async def slow(_job: Any) -> Outcome:
        started.set()
        await asyncio.sleep(60)
        return JUST_DONE

    task = asyncio.create_task(handle(delivery_of(), lane_of(slow), world.engine()))
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

    task = asyncio.create_task(handle(delivery_of(), lane_of(clumsy), world.engine()))
    await started.wait()
    task.cancel()
    with pytest.raises(RuntimeError):
        await task
    assert world.journal.steps == []


@pytest.mark.parametrize("trace", [TRACE, "", "garbage", "00-" + "0" * 32 + "-" + "0" * 16 + "-01", "x" * 10_000])
async def test_what_is_sent_on_always_carries_one_valid_trace(trace: str) -> None:
    world = new_world()
    failure = Stage(JobFailed("http_500", ""))
    await handle(delivery_of(traceparent=trace), lane_of(failure), world.engine())
    version, trace_id, span_id, _flags = str(world.broker.published[0][1].headers["traceparent"]).split("-")
    assert version == "00" and int(trace_id, 16) and int(span_id, 16)
    assert (trace_id == "a" * 32) == (trace == TRACE)


async def test_the_first_time_a_job_is_seen_stays_with_it() -> None:
    world = new_world()
    before = time.time_ns() // 1_000_000
    await handle(delivery_of(), lane_of(Stage(JobFailed("x", ""))), world.engine())
    assert before <= int(world.broker.published[0][1].headers["x-first-seen"]) <= time.time_ns() // 1_000_000

"""Random failures in every step, drains and kills: a confirmed job always ends as done, dead or still queued.

The broker and the engine are the real ones; what surrounds them fails at random, before or after it did its work.
"""

import asyncio
import json
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from orchestrator.config import Pipeline, QueueSpec
from orchestrator.domain.decoding import identify
from orchestrator.domain.errors import Reason, Unavailable
from orchestrator.domain.jobs import Job
from orchestrator.domain.outcome import Done, Next, Outcome, PurgeUrl, Reject, Retry
from orchestrator.domain.queue_names import error_queue, retry_queue
from orchestrator.runtime.delivery_deadline import Drain
from orchestrator.runtime.engine import BoundQueue
from orchestrator.runtime.lifecycle import Consumers
from orchestrator.runtime.local import LocalBroker
from orchestrator.runtime.ports import Message
from tests.kit.checker import check
from tests.kit.evidence import Effect, Evidence, JobKey
from tests.kit.fake_broker import QUEUE
from tests.kit.fakes import NEXT_QUEUE, World, body_of, bound_queue, job_id, new_world, section
from tests.kit.flaky import Flaky

TIERS_S = (0.002, 0.004)
PIPELINE = Pipeline(
    version=1, queues={name: QueueSpec(stage=name, retry_delays_s=TIERS_S) for name in (QUEUE, NEXT_QUEUE)}
)
JOBS = 8


class Run:
    """One system with its random misfortune."""

    def __init__(self, seed: int, broker: LocalBroker) -> None:
        self.source = random.Random(seed)
        self.broker = broker
        self.world = new_world()
        self.left = [self.source.randrange(16)]
        self.failures_of = {job_id(n): self.source.choice([0, 0, 0, 1, 2, 99]) for n in range(JOBS)}
        self.kind_of = {
            job_id(n): self.source.choice(["plain", "plain", "reject", "away", "slow"]) for n in range(JOBS)
        }

    async def publish(self) -> set[JobKey]:
        for n in range(JOBS):
            fields: dict[str, Any] = {"job_id": job_id(n), "image_id": n}
            if n == 1:
                fields["submitted_at"] = None
            if n == 2:
                fields["image_url"] = "nowhere"
            await self.broker.publish(QUEUE, Message(body_of(**fields), {}, None))
        return {JobKey(job_id(n), QUEUE) for n in range(JOBS)}

    async def work(self, job: Job) -> Outcome:
        identity = str(job.job_id)
        if self.kind_of[identity] == "slow":
            await asyncio.sleep(self.source.random() * 0.01)
        if self.kind_of[identity] == "away" and self.source.random() < 0.3:
            raise Unavailable("worker")
        if self.kind_of[identity] == "reject":
            return Reject(Reason("bad", ""))
        if self.failures_of[identity]:
            self.failures_of[identity] -= 1
            return Retry(Reason("failed", ""))
        return Done((section(identity),), (PurgeUrl(f"https://cdn/{identity}"),), (Next(NEXT_QUEUE, job),))

    async def after(self, job: Job) -> Outcome:
        return Done((section(f"after {job.job_id}"),))

    def queues(self) -> list[BoundQueue]:
        first = bound_queue(self.work, consumers=2, retry_delays_s=TIERS_S, next_queues={NEXT_QUEUE: NEXT_QUEUE})
        return [first, replace(first, name=NEXT_QUEUE, run=self.after, next_queues={})]

    async def generation(self, until_done: bool) -> None:
        """One process's life: it ends when all is done, by a drain at some moment, or by a kill."""
        world = World(**{**vars(self.world), "drain": Drain()})
        parts = (world.ledger, world.index, world.applier)
        flaky = [Flaky(part, self.source, self.left) for part in parts]
        engine = replace(
            world.engine(Flaky(self.broker, self.source, self.left)),  # type: ignore[arg-type]
            ledger=flaky[0],
            dead_letters=flaky[1],
            applier=flaky[2],
        )
        consumers = Consumers(self.queues(), engine)
        consumers.start()
        if until_done:
            await eventually(self.idle)
        else:
            await asyncio.sleep(self.source.random() * 0.03)
        if self.source.random() < 0.3:
            for task in consumers._tasks:
                task.cancel()
        await consumers.drain(self.source.choice([0, 0.001, 1]))

    async def idle(self) -> bool:
        """Looked up in one transaction: asked one after the other, a job could slip from queue to queue unseen."""
        count = "SELECT count(*) FROM messages WHERE queue NOT LIKE 'error.%'"
        (left,) = await self.broker._journal().run(lambda connection: connection.execute(count).fetchone())
        return bool(left == 0)

    async def evidence(self, confirmed: set[JobKey]) -> Evidence:
        tiers = [retry_queue(q, s) for q in (QUEUE, NEXT_QUEUE) for s in TIERS_S]

        async def tiers_are_empty() -> bool:
            return not any([(await self.broker.depth(name)).total for name in tiers])

        await eventually(tiers_are_empty)
        queues = (QUEUE, NEXT_QUEUE)
        totals = {q: (await self.depth(q)) + (await self.depth(error_queue(q))) for q in queues}
        entries = self.world.ledger.entries.values()
        purged, written = (Counter(map(str, x)) for x in (self.world.applier.effects, self.world.applier.writes))
        effects = []
        for key in confirmed:
            purge = PurgeUrl(f"https://cdn/{key.job_id}")
            effects.append(Effect(f"purge {key.job_id}", purged[str(purge)], 999, key))
            effects.append(Effect(f"write {key.job_id}", written[str(section(key.job_id))], 999, key))
        return Evidence(
            confirmed=frozenset(confirmed),
            done=frozenset(JobKey(e.job_id, e.queue) for e in entries if e.outcome == "done"),
            dead=Counter([JobKey(i, q) for q in queues for i in await self.ids(error_queue(q))]),
            queued=Counter([JobKey(i, q) for q in queues for i in await self.ids(q)]),
            expected_next={key: (JobKey(key.job_id, NEXT_QUEUE),) for key in confirmed},
            effects=tuple(effects),
            totals=totals,
        )

    async def depth(self, queue: str) -> int:
        return (await self.broker.depth(queue)).total

    async def ids(self, queue: str) -> list[str]:
        subscription = await self.broker.subscribe(queue, prefetch=1000)
        found = []
        for _ in range(await self.depth(queue)):
            delivery = await subscription.next(5)
            assert delivery is not None
            found.append(identify(delivery.body)["job_id"])
        await subscription.close()
        return found


async def eventually(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(20):
        while not await condition():
            await asyncio.sleep(0.002)


@pytest.mark.parametrize("seed", range(200))
async def test_every_confirmed_job_ends_once_whatever_fails(seed: int) -> None:
    broker = await LocalBroker(":memory:", PIPELINE).open()
    try:
        run = Run(seed, broker)
        confirmed = await run.publish()
        for _ in range(run.source.randrange(3)):
            await run.generation(until_done=False)
        to_the_end = run.source.random() < 0.8
        await run.generation(until_done=to_the_end)
        evidence = await run.evidence(confirmed)
        verdict = check(evidence)
        if not to_the_end:  # a letter in its error queue whose delivery is not acked yet is no second end
            verdict = replace(verdict, double_terminal=tuple(k for k in verdict.double_terminal if k in evidence.done))
        assert verdict.ok, f"{verdict}\n{json.dumps(run.world.journal.steps)}"
        if to_the_end:
            assert not evidence.queued and len(evidence.done) + len(evidence.dead) >= JOBS
        assert {letter.job_id for letter in run.world.index.letters.values()} <= {k.job_id for k in evidence.dead}
    finally:
        await broker.close()

"""Running the processes of a benchmark: a full queue, one process at work on it, what it measured."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from orchestrator.config import Pipeline, Settings
from orchestrator.domain.ids import new_job_id
from orchestrator.domain.jobs import EnhanceJob
from orchestrator.observe import new_traceparent
from orchestrator.runtime.engine import now_ms
from orchestrator.runtime.ports import Message
from orchestrator.runtime.rabbitmq import RabbitBroker
from tests.bench.plan import NEXT_QUEUE, WORK_QUEUE, Measured, Plan
from tests.kit.rabbitmq import RabbitMQ

ROOT = Path(__file__).parents[2]
ROUND_TIMEOUT_S = 120.0
IN_FLIGHT = 200
PIPELINE = Pipeline.model_validate(
    {"version": 1, "queues": {WORK_QUEUE: {"stage": "first", "next": [NEXT_QUEUE]}, NEXT_QUEUE: {"stage": "next"}}}
)


@dataclass(frozen=True, slots=True)
class Bench:
    """The servers of one benchmark, and its queues: those queues.yaml would make, in a vhost of their own."""

    server: RabbitMQ
    vhost: str
    broker: RabbitBroker

    @property
    def amqp_url(self) -> str:
        """Where both sides connect."""
        return self.server.amqp_url(self.vhost)

    def purge(self) -> None:
        """Empty both queues."""
        for queue in (WORK_QUEUE, NEXT_QUEUE):
            self.server.api("DELETE", f"/api/queues/{self.vhost}/{queue}/contents")

    async def fill(self, jobs: int) -> None:
        """Put fresh jobs into the emptied work queue, as an earlier stage would have sent them."""
        await asyncio.to_thread(self.purge)
        await publish_all(self.broker, WORK_QUEUE, [fresh_job(number) for number in range(jobs)])

    async def round(self, side: str, plan: Plan, log: Path) -> Measured:
        """Let one side, a module of tests.bench, work through ``plan`` in a process of its own."""
        await self.fill(plan.warm_up + plan.jobs + 2 * plan.consumers)
        return await asyncio.to_thread(_run, side, plan, log)


@asynccontextmanager
async def open_bench(server: RabbitMQ, vhost: str) -> AsyncIterator[Bench]:
    """The queues, declared."""
    broker = RabbitBroker(Settings(amqp_url=server.amqp_url(vhost)))
    try:
        await broker.apply_topology(PIPELINE)
        yield Bench(server, vhost, broker)
    finally:
        await broker.close()


def fresh_job(number: int) -> Message:
    """A job's message as it arrives from an earlier stage."""
    now = now_ms()
    job = EnhanceJob(
        business_id="benchmark",
        image_id=str(number),
        image_url=f"https://pictures.example/{number}.jpg",
        served_urls=(f"https://cdn.example/{number}.jpg",),
        job_id=new_job_id(now),
        submitted_at=now,
    )
    headers = {"x-attempt": 1, "x-first-seen": now, "traceparent": new_traceparent()}
    return Message(job.encode(), headers, job.job_id)


async def publish_all(
    broker: RabbitBroker, queue: str, messages: Sequence[Message], in_flight: int = IN_FLIGHT
) -> None:
    """Publish confirmed, with ``in_flight`` publishes waiting for the broker at any moment."""
    rest = iter(messages)

    async def work() -> None:
        for message in rest:
            await broker.publish(queue, message)

    await asyncio.gather(*(work() for _ in range(in_flight)))


def _run(side: str, plan: Plan, log: Path) -> Measured:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with log.open("wb") as errors:
        done = subprocess.run(
            [sys.executable, "-m", f"tests.bench.{side}", plan.encode()],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=errors,
            timeout=ROUND_TIMEOUT_S,
            check=False,
        )
    assert done.returncode == 0, log.read_text(errors="replace")[-4000:]
    return Measured(**json.loads(done.stdout.splitlines()[-1]))


@dataclass(frozen=True, slots=True)
class Ratios:
    """One ratio per round."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle one."""
        return median(self.values)

    @property
    def spread(self) -> str:
        """The least and the greatest."""
        return f"{min(self.values):.2f} to {max(self.values):.2f}"

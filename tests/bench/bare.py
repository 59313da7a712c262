"""The other side of a benchmark: the loop one would write by hand with the same drivers, for the same remote calls.

It publishes confirmed and mandatory, writes the ledger and then acks, as the engine does. It validates nothing, tells
nobody what it does, and whatever goes wrong ends it.
"""

import asyncio
import json
import time
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import aio_pika
import aiohttp
from aio_pika.abc import AbstractIncomingMessage
from motor.motor_asyncio import AsyncIOMotorClient

from tests.bench.plan import NEXT_QUEUE, PICTURE, WORK_QUEUE, Meter, Plan, plan_from_command_line, report

SHA256 = "0" * 64
CONTENT = {"phash": "0" * 16, "width": 1, "height": 1, "format": "jpeg"}


class Loop:
    """What the handler of a message needs."""

    def __init__(self, plan: Plan, meter: Meter, session: aiohttp.ClientSession, jobs: Any, exchange: Any) -> None:
        self.plan, self.meter, self.session, self.jobs, self.exchange = plan, meter, session, jobs, exchange
        self.failure: BaseException | None = None

    async def handle(self, message: AbstractIncomingMessage) -> None:
        """One job."""
        try:
            await self._handle(message)
        except BaseException as error:
            self.failure = error
            self.meter.done.set()
            raise

    async def _handle(self, message: AbstractIncomingMessage) -> None:
        started, received_at = time.monotonic(), time.time_ns() // 1_000_000
        job = json.loads(message.body)
        content, skipped = await self._work(message.headers["traceparent"])
        self.meter.tick()
        update = {
            **{key: job[key] for key in ("business_id", "image_id", "image_url", "served_urls")},
            "content_sha256": SHA256,
            "job_id": job["job_id"],
            "submitted_at": job["submitted_at"],
            "schema": "justlens.enhance_update/1",
            "content": {"sha256": SHA256, **content, "bytes": len(PICTURE)},
            "enhanced": {"skipped": skipped, "source_sha256": SHA256},
        }
        headers = {
            "x-attempt": 1,
            "x-first-seen": time.time_ns() // 1_000_000,
            "traceparent": message.headers["traceparent"],
        }
        following = aio_pika.Message(
            json.dumps(update).encode(),
            headers=headers,
            content_type="application/json",
            delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
            correlation_id=job["job_id"],
            message_id=uuid4().hex,
        )
        await self.exchange.publish(following, NEXT_QUEUE, mandatory=True)
        await self._record(job, received_at, started)
        await message.ack()

    async def _work(self, traceparent: Any) -> tuple[dict[str, Any], str]:
        if self.plan.work_s is not None:
            await asyncio.sleep(self.plan.work_s)
            return CONTENT, "slept"
        url = f"{self.plan.worker_url}/enhance?image_type=general&force=false"
        headers = {"Content-Type": "application/octet-stream", "traceparent": traceparent}
        async with self.session.post(url, data=PICTURE, headers=headers) as reply:
            assert reply.status == 200, reply.status
            await reply.read()
            result = json.loads(reply.headers["JustLens-Result"])
        return result["content"], result["skipped"]

    async def _record(self, job: dict[str, Any], received_at: int, started: float) -> None:
        key = f"{job['job_id']}/{WORK_QUEUE}"
        stored = {
            "_id": key,
            "job_id": job["job_id"],
            "queue": WORK_QUEUE,
            "outcome": "done",
            "attempts": 1,
            "business_id": job["business_id"],
            "image_id": job["image_id"],
            "received_at": received_at,
            "took_ms": (time.monotonic() - started) * 1000,
            "reason": None,
            "replays": 0,
            "recorded_at": datetime.now(UTC),
        }
        guard = {"$cond": [{"$eq": ["$outcome", "done"]}, "$$ROOT", {"$literal": stored}]}
        await self.jobs.update_one({"_id": key}, [{"$replaceWith": guard}], upsert=True)


async def main(plan: Plan) -> None:
    """Work through the plan and report."""
    meter = Meter(plan)
    async with AsyncExitStack() as stack:
        client: Any = AsyncIOMotorClient(plan.mongo_url, w="majority", journal=True)
        stack.callback(client.close)
        session = await stack.enter_async_context(aiohttp.ClientSession())
        connection = await stack.enter_async_context(await aio_pika.connect(plan.amqp_url))
        publishing = await connection.channel(publisher_confirms=True, on_return_raises=True)
        loop = Loop(plan, meter, session, client[plan.mongo_database]["jobs"], publishing.default_exchange)
        channels = [await connection.channel() for _ in range(plan.consumers)]
        consuming = []
        for channel in channels:
            await channel.set_qos(prefetch_count=1)
            queue = await channel.get_queue(WORK_QUEUE)
            consuming.append((queue, await queue.consume(loop.handle)))
        await meter.done.wait()
        for queue, tag in consuming:
            await queue.cancel(tag)
        await asyncio.sleep(0.2)  # the jobs in hand
    if loop.failure is not None:
        raise loop.failure
    report(meter)


if __name__ == "__main__":
    asyncio.run(main(plan_from_command_line()))

"""What the RabbitMQ tests share: a pipeline of one queue, settings for a vhost, polling."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from orchestrator.config.pipeline import Pipeline
from orchestrator.config.settings import Settings
from orchestrator.domain.errors import Unavailable
from orchestrator.runtime.ports import Message
from orchestrator.runtime.rabbitmq import RabbitBroker

QUEUE = "work"
TIMEOUT_S = 2.0


def pipeline(**changes: Any) -> Pipeline:
    """One queue called ``work`` with two retry delays, and ``changes``."""
    spec = {"stage": "any", "retry_delays_s": [1, 30], "delivery_limit": 20, **changes}
    return Pipeline.model_validate({"version": 1, "queues": {QUEUE: spec}})


def settings(url: str, management_url: str | None = None, **changes: Any) -> Settings:
    return Settings(amqp_url=url, management_url=management_url, **changes)


def message(text: str = "{}", job_id: str | None = None, **headers: str | int) -> Message:
    return Message(text.encode(), headers, job_id)


async def publish(broker: RabbitBroker, *texts: str) -> None:
    for text in texts:
        await broker.publish(QUEUE, message(text))


@contextlib.asynccontextmanager
async def client(url: str, management_url: str | None = None, **changes: Any) -> AsyncIterator[RabbitBroker]:
    broker = RabbitBroker(settings(url, management_url, **changes))
    try:
        yield broker
    finally:
        await broker.close()


async def eventually(check: Callable[[], Awaitable[Any]], what: str, timeout_s: float = 20) -> Any:
    """Poll until ``check()`` answers something true; an outage of the broker counts as not yet."""
    deadline = time.monotonic() + timeout_s
    while True:
        with contextlib.suppress(Unavailable):
            if result := await check():
                return result
        assert time.monotonic() < deadline, f"waited {timeout_s} s for {what}"
        await asyncio.sleep(0.05)


async def drain(broker: RabbitBroker, queue: str, idle_s: float = 1.0) -> list[str]:
    """Take and ack everything in ``queue``; the bodies."""
    subscription = await broker.subscribe(queue, prefetch=100)
    bodies = []
    while (delivery := await subscription.next(timeout_s=idle_s)) is not None:
        bodies.append(delivery.body.decode())
        await broker.ack(delivery)
    await subscription.close()
    return bodies


async def published(broker: RabbitBroker, text: str = "{}") -> bool:
    await broker.publish(QUEUE, message(text))
    return True


async def consuming(broker: RabbitBroker) -> bool:
    await (await broker.subscribe(QUEUE)).close()
    return True

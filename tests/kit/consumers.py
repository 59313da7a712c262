"""One consumer at work on a queue, and what it is given."""

import asyncio

from orchestrator.config import Pipeline, QueueSpec
from orchestrator.runtime.consume import Consumer
from orchestrator.runtime.engine import BoundQueue
from orchestrator.runtime.local import LocalBroker
from orchestrator.runtime.ports import Message
from tests.kit.fakes import World, body_of

PIPELINE = Pipeline(
    version=1, queues={name: QueueSpec(stage="s", retry_delays_s=(5, 30)) for name in ("work", "after")}
)


class Attached:
    """A consumer at work while the context lasts; leaving drains it."""

    def __init__(self, world: World, queue: BoundQueue, broker: LocalBroker | None = None) -> None:
        self.world = world
        self.consumer = Consumer(queue, 1, world.engine(broker))

    async def __aenter__(self) -> Consumer:
        self._task = asyncio.create_task(self.consumer.run())
        return self.consumer

    async def __aexit__(self, *_: object) -> None:
        self.world.drain.request()
        await self.consumer.stop()
        await asyncio.wait_for(self._task, 10)


async def publish(broker: LocalBroker, *numbers: int) -> None:
    for number in numbers:
        await broker.publish("work", Message(body_of(image_id=number), {}, None))

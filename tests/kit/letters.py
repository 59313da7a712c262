"""Dead letters in an error queue of an embedded broker, and passes over them."""

import time
from typing import Any

from orchestrator.domain.ledger import DeadLetter, DeadLetterFilter
from orchestrator.runtime.dlq import PassReport, Selection, settle_letters
from orchestrator.runtime.local import LocalBroker
from orchestrator.runtime.outcomes import DeadLetterAction, Replay
from orchestrator.runtime.ports import Delivery, Message
from tests.kit.fakes import World, body_of, job_id

NOW = time.time_ns() // 1_000_000
EVERY = Selection(DeadLetterFilter())


async def bury(broker: LocalBroker, number: int, code: str = "bug", replays: int = 0, business: str = "acme") -> None:
    headers: dict[str, Any] = {"x-error-code": code, "x-error-at": NOW - 60_000, "x-attempt": 4, "x-replays": replays}
    body = body_of(job_id=job_id(number), business_id=business)
    await broker.publish("error.work", Message(body, headers, job_id(number)))


async def run_pass(broker: LocalBroker, world: World, selection: Selection, end: type = Replay) -> PassReport:
    def decide(letter: DeadLetter, _body: bytes) -> DeadLetterAction:
        made: DeadLetterAction = end(letter)
        return made

    return await settle_letters("work", selection, decide, broker=broker, ledger=world.ledger, index=world.index)


async def contents(broker: LocalBroker, queue: str) -> list[Delivery]:
    count = await waiting(broker, queue)
    subscription = await broker.subscribe(queue, prefetch=1000)
    found = [await subscription.next(5) for _ in range(count)]
    await subscription.close()
    return [delivery for delivery in found if delivery is not None]


async def waiting(broker: LocalBroker, queue: str) -> int:
    return (await broker.depth(queue)).ready

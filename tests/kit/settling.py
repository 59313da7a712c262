"""Settling one delivery whose stage answers what the test says, and a job that asks for every step there is."""

from orchestrator.domain.decoding import decode_job
from orchestrator.domain.errors import Unavailable
from orchestrator.domain.jobs import EnhanceJob
from orchestrator.domain.outcome import Done, Next, Outcome, PurgeUrl
from orchestrator.runtime.execute import handle
from orchestrator.runtime.outcomes import Settled
from orchestrator.runtime.ports import Delivery
from tests.kit.fakes import ONE_PURGE, TRACE, World, answering, body_of, bound_queue, delivery_of, section

FOLLOWING = decode_job(EnhanceJob, body_of(image_id="8"))


EVERYTHING = Done(
    writes=(section("source"), section("content")),
    effects=(ONE_PURGE, PurgeUrl("https://cdn/8.png")),
    publish=(Next("follow", FOLLOWING),),
)


IN_ORDER = [
    "write source",
    "write content",
    "effect https://cdn/7.png",
    "effect https://cdn/8.png",
    "publish after",
    "ledger done",
    "ack",
]


AWAY = Unavailable("store")


async def settled(world: World, outcome: Outcome | BaseException, delivery: Delivery | None = None) -> Settled:
    return await handle(delivery or delivery_of(traceparent=TRACE), bound_queue(answering(outcome)), world.engine())

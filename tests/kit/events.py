"""Completion events, as a listener gets them: kept in a queue of its own until somebody asks what was told."""

import json
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from orchestrator.domain.events import EVENTS_EXCHANGE

if TYPE_CHECKING:
    from tests.kit.deployment import Deployment
    from tests.kit.rabbitmq import RabbitMQ

EVENTS_QUEUE = "test.events"


class Told(NamedTuple):
    """One event, without when it was told."""

    event: str
    job_id: str
    image_id: str
    version: str


Heard = Counter[Told]


def listen(rabbitmq: "RabbitMQ", vhost: str) -> None:
    """Bind a queue to every event. What was told before is not heard."""
    rabbitmq.api("PUT", f"/api/queues/{vhost}/{EVENTS_QUEUE}", {"durable": True})
    path = f"/api/bindings/{vhost}/e/{EVENTS_EXCHANGE}/q/{EVENTS_QUEUE}"
    rabbitmq.api("POST", path, {"routing_key": "image.*"})


async def hear(deployment: "Deployment") -> Heard:
    """Everything told so far, how often each."""
    subscription = await deployment.broker.subscribe(EVENTS_QUEUE, prefetch=1000)
    try:
        while (delivery := await subscription.next(0.3)) is not None:
            body = json.loads(delivery.body)
            deployment.heard[Told(*(body[name] for name in Told._fields))] += 1
            await deployment.broker.ack(delivery)
    finally:
        await subscription.close()
    return deployment.heard.copy()

"""RabbitMQ as the engine's broker."""

import asyncio
from collections.abc import Mapping

from orchestrator.config.broker_urls import get_vhost
from orchestrator.config.pipeline import Pipeline
from orchestrator.config.settings import Settings
from orchestrator.domain.errors import Unavailable
from orchestrator.domain.events import EVENTS_EXCHANGE, event_body
from orchestrator.domain.outcome import Announce
from orchestrator.domain.urls import split_urls
from orchestrator.runtime.engine import now_ms
from orchestrator.runtime.ports import Delivery, Message, QueueDepth
from orchestrator.runtime.rabbitmq.connection import TIMEOUT_S, Link
from orchestrator.runtime.rabbitmq.consumer_timeout import read_consumer_timeouts
from orchestrator.runtime.rabbitmq.control import Control
from orchestrator.runtime.rabbitmq.deliver import RabbitSubscription
from orchestrator.runtime.rabbitmq.drift import Difference
from orchestrator.runtime.rabbitmq.management import MANAGEMENT, Management
from orchestrator.runtime.rabbitmq.publish import Publisher
from orchestrator.runtime.rabbitmq.pulse import Pulse
from orchestrator.runtime.rabbitmq.settling import settle
from orchestrator.runtime.rabbitmq.topology import apply_topology, diff_topology, verify_topology, wanted_queues


class RabbitBroker:
    """Two connections, opened at first use: one to publish, one to consume and to ask.

    Of a cluster's nodes each connection has the first one that answers; when it loses that, the next one.
    """

    def __init__(self, settings: Settings, call_timeout_s: float = TIMEOUT_S) -> None:
        urls = split_urls(settings.amqp_url.get_secret_value())
        self._prefix = settings.queue_prefix
        self._publishing = Link(urls, "justlens-publish", call_timeout_s)
        self._consuming = Link(urls, "justlens-consume", call_timeout_s)
        self._publisher = Publisher(
            self._publishing,
            self._prefix,
            settings.publish_timeout_s,
            on_silence=lambda: self._leave_node(self._publishing.node),
        )
        # On a channel of its own: the broker closes it when the exchange has gone, and no job's publish with it.
        self._announcer = Publisher(
            self._publishing, "", settings.publish_timeout_s, exchange=self._prefix + EVENTS_EXCHANGE
        )
        self._control = Control(self._consuming)
        self._management: Management | None = None
        if settings.management_url is not None:
            management_urls = split_urls(settings.management_url.get_secret_value())
            self._management = Management(management_urls, get_vhost(urls[0]))
        self._pulse = Pulse(
            (self._publishing, self._consuming), on_silence=lambda: self._leave_node(self._consuming.node)
        )

    async def publish(self, queue: str, message: Message) -> None:
        """Put ``message`` into ``queue``; return only when the broker answered for it.

        Raises PublishUnconfirmed when unknown, Unroutable when no such queue exists, Unavailable when it is surely not
        there: broker away, publishers blocked by an alarm, queue full.
        """
        self._pulse.start()
        await self._publisher.publish(queue, message)

    async def announce(self, announce: Announce) -> None:
        """Tell whoever has bound a queue to the exchange of events; confirmed. Raises Unavailable."""
        message = Message(event_body(announce, now_ms()), {}, announce.job_id)
        await self._announcer.publish(announce.event, message)

    async def subscribe(self, queue: str, *, prefetch: int = 1) -> RabbitSubscription:
        """Attach one consumer to ``queue``, on a channel of its own. Raises Unroutable, Unavailable."""
        self._pulse.start()
        subscription = RabbitSubscription(self._consuming, queue, self._prefix + queue)
        await subscription.attach(prefetch)
        if prefetch == 1:  # whoever waits for the next delivery has settled the last
            self._pulse.watch(subscription)
        return subscription

    async def ack(self, delivery: Delivery) -> None:
        """The delivery is settled. On a channel that has gone this does nothing: the message comes again."""
        await settle(delivery, ack=True)

    async def requeue(self, delivery: Delivery) -> None:
        """Give the delivery back to its queue (a nack). Counts towards the delivery limit in RabbitMQ 3 only."""
        await settle(delivery, ack=False)

    async def depth(self, queue: str) -> QueueDepth:
        """How many messages ``queue`` holds. Raises Unroutable when it does not exist, Unavailable.

        ``ready`` and ``consumers`` are of this moment. AMQP tells no more: ``unacked`` and what is in transit to
        another queue come from the management API, some seconds old; without one they count as 0.
        """
        name = self._prefix + queue
        now = await self._control.inspect(name)
        if self._management is None:
            return QueueDepth(ready=now.ready, unacked=0, total=now.ready, consumers=now.consumers)
        seen = await self._management.messages(name)
        in_transit = max(0, seen["total"] - seen["ready"] - seen["unacked"])
        total = now.ready + seen["unacked"] + in_transit
        return QueueDepth(ready=now.ready, unacked=seen["unacked"], total=total, consumers=now.consumers)

    def attached(self) -> bool:
        """Whether the broker answers, on both connections.

        Both are asked for a round trip every two seconds from the first use on, and opened when they are not. A
        connection that an alarm blocks does not answer.
        """
        return self._pulse.answers and self._publishing.is_open and self._consuming.is_open

    async def verify_topology(self, pipeline: Pipeline) -> None:
        """Declare the pipeline's queues and compare what the broker has. Raises TopologyMismatch, Unavailable."""
        self._pulse.start()
        queues = wanted_queues(pipeline, self._prefix)
        await verify_topology(self._control, self._management, queues, self._prefix)

    async def apply_topology(self, pipeline: Pipeline) -> None:
        """Declare the pipeline's queues. Raises TopologyMismatch, Unavailable."""
        queues = wanted_queues(pipeline, self._prefix)
        await apply_topology(self._control, self._management, queues, self._prefix)

    async def diff_topology(self, pipeline: Pipeline) -> list[Difference]:
        """Where the broker differs from the pipeline. Raises Unavailable, also when no management API is known."""
        return await diff_topology(self._known_management(), wanted_queues(pipeline, self._prefix), self._prefix)

    async def consumer_timeouts(self, pipeline: Pipeline) -> Mapping[str, float]:
        """How many seconds the broker waits for an ack, by queue; empty when it does not tell. Raises Unavailable."""
        management = self._known_management()
        names = {queue.name for queue in wanted_queues(pipeline, self._prefix)}
        return await read_consumer_timeouts(self._consuming, management, names, self._prefix)

    async def node_names(self) -> set[str]:
        """The nodes of the broker's cluster. Raises Unavailable."""
        return await self._known_management().node_names()

    def _known_management(self) -> Management:
        if self._management is None:
            raise Unavailable(MANAGEMENT, "set JUSTLENS_MANAGEMENT_URL")
        return self._management

    async def close(self) -> None:
        """Let go of the broker. Never raises."""
        await self._pulse.close()
        await asyncio.gather(self._publishing.close(), self._consuming.close())
        if self._management is not None:
            await self._management.close()

    def _leave_node(self, node: str) -> None:
        """A node of a cluster that lost the others answers pings, but has no quorum: nothing else is answered."""
        for link in (self._publishing, self._consuming):
            if link.node == node:
                link.leave_behind(link.leave_silent_node())

"""Whether the broker answers, asked every two seconds; of a cluster, a node that does not is left for another one."""

import asyncio
from collections.abc import Sequence
from weakref import WeakSet

from orchestrator.runtime.rabbitmq.connection import Link
from orchestrator.runtime.rabbitmq.control import Control
from orchestrator.runtime.rabbitmq.deliver import RabbitSubscription

PULSE_EVERY_S = 2.0


class Pulse:
    """Asks ``links`` for a round trip every two seconds from ``start`` on, and opens them when they are not.

    A node that lost the rest of its cluster answers that, and yet hands out no job. So one of the subscriptions that
    wait is renewed with each round, which takes a queue that has a majority.
    """

    def __init__(self, links: Sequence[Link]) -> None:
        self._links = links
        self._subscriptions: WeakSet[RabbitSubscription] = WeakSet()
        self._task: asyncio.Task[None] | None = None
        self.answers = False

    def start(self) -> None:
        """Begin to ask, if nobody does yet."""
        if self._task is None:
            self._task = asyncio.create_task(self._keep_asking(), name="rabbitmq-pulse")

    def watch(self, subscription: RabbitSubscription) -> None:
        """Renew ``subscription`` now and then while it waits; whoever waits must hold no delivery of it."""
        self._subscriptions.add(subscription)

    async def close(self) -> None:
        """Ask no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
        self.answers = False

    async def _keep_asking(self) -> None:
        # On channels of their own: a long declaration must not hold up the question, nor the other way round.
        asked = [Control(link) for link in self._links]
        while True:
            # With exceptions as results a cancellation always comes through: else a ping that fails in the same moment
            # would take its place, and closing would wait for ever.
            answers = await asyncio.gather(*(control.ping() for control in asked), return_exceptions=True)
            silent = [link for link, answer in zip(self._links, answers, strict=True) if answer is not None]
            self.answers = not silent
            await asyncio.gather(*(link.leave_silent_node() for link in silent), return_exceptions=True)
            await asyncio.gather(self._renew_one(), return_exceptions=True)
            await asyncio.sleep(PULSE_EVERY_S)

    async def _renew_one(self) -> None:
        waiting = next((subscription for subscription in self._subscriptions if subscription.is_waiting), None)
        if waiting is not None:
            await waiting.renew()

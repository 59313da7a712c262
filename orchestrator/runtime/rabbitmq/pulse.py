"""Whether the broker answers, asked every two seconds; of a cluster, a node that does not is left for another one."""

import asyncio
from collections.abc import Callable, Sequence
from weakref import WeakSet

from orchestrator.domain.errors import JustLensError
from orchestrator.runtime.rabbitmq.connection import Link
from orchestrator.runtime.rabbitmq.control import Control
from orchestrator.runtime.rabbitmq.deliver import RabbitSubscription
from orchestrator.runtime.rabbitmq.driver_errors import NoAnswer

PULSE_EVERY_S = 2.0


class Pulse:
    """Asks ``links`` for a round trip every two seconds from ``start`` on, and opens them when they are not.

    A node that lost the rest of its cluster answers that, and yet hands out no job. So the queue of a subscription that
    waits is looked into with each round; ``on_silence`` is called when that is not answered. (The consumer itself
    cannot be asked: whatever is delivered while it is cancelled and started again is dropped by the driver.)
    """

    def __init__(self, links: Sequence[Link], on_silence: Callable[[], None]) -> None:
        self._links = links
        self._on_silence = on_silence
        self._subscriptions: WeakSet[RabbitSubscription] = WeakSet()
        self._task: asyncio.Task[None] | None = None
        self.answers = False

    def start(self) -> None:
        """Begin to ask, if nobody does yet."""
        if self._task is None:
            self._task = asyncio.create_task(self._keep_asking(), name="rabbitmq-pulse")

    def watch(self, subscription: RabbitSubscription) -> None:
        """Look into the queue of ``subscription`` now and then while somebody waits for its next delivery."""
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
        looking = Control(self._links[-1])
        while True:
            # With exceptions as results a cancellation always comes through: else a ping that fails in the same moment
            # would take its place, and closing would wait for ever.
            answers = await asyncio.gather(*(control.ping() for control in asked), return_exceptions=True)
            silent = [link for link, answer in zip(self._links, answers, strict=True) if answer is not None]
            self.answers = not silent
            await asyncio.gather(*(link.leave_silent_node() for link in silent), return_exceptions=True)
            await asyncio.gather(self._look_into_one(looking), return_exceptions=True)
            await asyncio.sleep(PULSE_EVERY_S)

    async def _look_into_one(self, control: Control) -> None:
        waiting = next((subscription for subscription in self._subscriptions if subscription.is_waiting), None)
        if waiting is None or not self._links[-1].has_other_nodes:
            return
        try:
            await control.look_into(waiting.name)
        except NoAnswer:
            self._on_silence()
        except JustLensError:
            pass  # lost in between: whoever needs the connection opens it again

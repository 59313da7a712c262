"""Permits to send a request to an endpoint: who gets the next one, and on which endpoint."""

import asyncio
from collections import deque
from collections.abc import Collection
from dataclasses import dataclass
from time import monotonic

from orchestrator.clients.circuit_breaker import choose
from orchestrator.clients.workers.endpoint import Endpoint
from orchestrator.config import PoolSpec


@dataclass(frozen=True, slots=True)
class _Waiter:
    permit: "asyncio.Future[Endpoint]"
    tried: Collection[Endpoint]


class Permits:
    """At most ``spec.max_in_flight`` requests per endpoint, spread by ``spec.policy``. ``endpoints`` may change."""

    def __init__(self, spec: PoolSpec, queue_wait_s: float) -> None:
        self.endpoints: tuple[Endpoint, ...] = ()
        self._spec = spec
        self._queue_wait_s = queue_wait_s
        self._cursor = 0
        self._waiting: deque[_Waiter] = deque()

    async def take(self, tried: Collection[Endpoint]) -> Endpoint | None:
        """A permit on an endpoint that is not among ``tried``; it must be given back.

        While the endpoints that admit requests are all at their limit, or one is being asked whether it is well again,
        waits for one, in order of arrival, for ``queue_wait_s`` at most. None when that is over, or at once when no
        endpoint admits requests.
        """
        if (endpoint := self._pick(tried)) is not None:
            return endpoint
        now = monotonic()
        if not any(e.may_admit_soon(now) for e in self.endpoints if e not in tried):
            return None
        waiter = _Waiter(asyncio.get_running_loop().create_future(), tried)
        self._waiting.append(waiter)
        try:
            await asyncio.wait([waiter.permit], timeout=self._queue_wait_s)
        except asyncio.CancelledError:
            if waiter.permit.done():
                self.give_back(waiter.permit.result())
            raise
        finally:
            if not waiter.permit.done():
                self._waiting.remove(waiter)
        return waiter.permit.result() if waiter.permit.done() else None

    def give_back(self, endpoint: Endpoint) -> None:
        """The request is over, however it ended."""
        endpoint.in_flight -= 1
        self.hand_out()

    def hand_out(self) -> None:
        """Give permits that have become free to those that wait."""
        for waiter in tuple(self._waiting):
            endpoint = self._pick(waiter.tried)
            if endpoint is not None:
                self._waiting.remove(waiter)
                waiter.permit.set_result(endpoint)
            elif not waiter.tried:
                return  # it would have taken any endpoint, so there is none for those behind it either

    def _pick(self, tried: Collection[Endpoint]) -> Endpoint | None:
        now, spec = monotonic(), self._spec
        loads = [
            e.in_flight if e.in_flight < spec.max_in_flight and e.admits(now) and e not in tried else None
            for e in self.endpoints
        ]
        index = choose(loads, spec.policy, self._cursor)
        if index is None:
            return None
        self._cursor = (index + 1) % len(loads)
        endpoint = self.endpoints[index]
        endpoint.in_flight += 1
        return endpoint

"""A worker pool: chooses an endpoint for every call, limits the calls in flight, and routes around failure."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from time import monotonic
from typing import TypeVar

import aiohttp
import structlog

from orchestrator.clients.canaries.sender import CanaryEnd, CanaryLane
from orchestrator.clients.canaries.trust import Trust
from orchestrator.clients.http import Fault, traced
from orchestrator.clients.workers.concurrency import Permits
from orchestrator.clients.workers.endpoint import Endpoint, EndpointState
from orchestrator.clients.workers.exchange import Answer, Busy, Served, Tally, WorkerRequest, canary_end, exchange
from orchestrator.clients.workers.probes import Looking
from orchestrator.clients.workers.replies import OUT_OF_MEMORY, WorkerReply
from orchestrator.config import PoolSpec
from orchestrator.domain.errors import JobRefused, Unavailable
from workers.wire import INCOMPATIBLE_WIRE, Handshake

CONNECT_TIMEOUT_S = 2.0
T = TypeVar("T")
log = structlog.get_logger(__name__)


class WorkerPool:
    """The endpoints of one pool of queues.yaml. ``session`` belongs to the caller; ``service`` is whom to expect, and
    ``canary`` makes requests that such a worker is known to answer.

    A call that finds every usable endpoint at its limit waits its turn, in order of arrival, for ``queue_wait_s``.
    An endpoint that fails ``eject_after`` different jobs in a row, be it the last one, gets no more of them until it
    has answered a canary; what fails there meanwhile is not charged.
    """

    def __init__(
        self,
        name: str,
        spec: PoolSpec,
        session: aiohttp.ClientSession,
        *,
        service: str,
        canary: Callable[[], WorkerRequest[object]],
        poll_interval_s: float = 2.0,
        queue_wait_s: float = 5.0,
    ) -> None:
        self.name = name
        self._spec = spec
        self._session = session
        self._service = service
        self._canary = canary
        self._permits = Permits(spec, queue_wait_s)
        self._canaries = CanaryLane(self._permits.hand_out)
        self._looking = Looking(name, service, self._permits, session, poll_interval_s)
        self._timeout = aiohttp.ClientTimeout(total=spec.timeout_s, sock_connect=CONNECT_TIMEOUT_S)
        self.replace_endpoints(spec.endpoints)

    async def start(self) -> None:
        """Look at every endpoint once, then keep looking until ``close()``."""
        await self._looking.start()

    async def close(self) -> None:
        """Stop looking. Calls in flight are their callers' to end."""
        await self._canaries.close()
        await self._looking.close()

    def replace_endpoints(self, urls: Sequence[str]) -> None:
        """From now on the pool is ``urls``. Those that stay keep their state, removed ones finish what is in flight."""
        known = {endpoint.url: endpoint for endpoint in self._permits.endpoints}
        wanted = dict.fromkeys(url.rstrip("/") for url in urls)
        self._permits.endpoints = tuple(known.get(url) or self._endpoint(url) for url in wanted)
        self._looking.look_now()

    def _endpoint(self, url: str) -> Endpoint:
        return Endpoint(url, Trust(self._spec.eject_after, self._spec.probe_after_s))

    def state(self) -> tuple[EndpointState, ...]:
        """Every endpoint as it is now, in the order of the configuration."""
        return tuple(endpoint.state() for endpoint in self._permits.endpoints)

    def handshakes(self) -> tuple[Handshake, ...]:
        """What the endpoints in use have said of themselves. Raises Unavailable when none is in use."""
        met = tuple(e.handshake for e in self._permits.endpoints if e.in_use and e.handshake is not None)
        if not met:
            raise self._unavailable()
        return met

    async def call(
        self,
        path: str,
        *,
        query: Mapping[str, str],
        body: bytes,
        headers: Mapping[str, str],
        read: Callable[[WorkerReply], T],
    ) -> T:
        """POST ``body`` to one endpoint and return what ``read`` makes of its 200.

        Moves on to another endpoint, each at most once, when one is busy or cannot be reached, when it fails to answer
        (the connection ends, the time is up), or when its failure is not charged. The second failure to answer ends
        the call, because the job may be the cause; so does the first one when no other endpoint is left. With nowhere
        else to go, an endpoint that cut the connection and is still there is asked once more.

        Raises JobFailed (``worker_died``, ``worker_timeout``, ``worker_error``, ``bad_worker_reply``;
        ``out_of_memory`` when no endpoint has room for this job and each has served others meanwhile), JobRefused with
        the worker's own code, Unavailable when no endpoint took the request.
        """
        request = WorkerRequest(path, query, body, traced(dict(headers)), read)
        tried: set[Endpoint] = set()
        tally = Tally(len(body))
        while (endpoint := await self._permits.take(tried)) is not None:
            tried.add(endpoint)
            answer = await self._exchange(endpoint, request)
            if isinstance(answer, Served):
                return answer.result
            tally.note(endpoint.url, answer, charged=endpoint.trust.holds)
            cut_off = isinstance(answer, Fault) and answer.kind == "died"
            if cut_off and not self._others_in_use(endpoint):
                tried.discard(endpoint)
        failure = tally.failure()
        if failure is None:
            raise self._unavailable()
        for endpoint in tried:
            endpoint.trust.forget_shortage(request.job)
        raise failure

    async def _exchange(self, endpoint: Endpoint, request: WorkerRequest[T]) -> Answer[T]:
        """One request with the permit that is held for ``endpoint``, which is given back whatever happens."""
        try:
            answer = await exchange(self._session, endpoint.url, request, self._timeout)
            if isinstance(answer, Served):
                if answer.proves:
                    endpoint.trust.note_served()
            elif isinstance(answer, Busy):
                answer = self._note_busy(endpoint, request.job, answer)
            elif not isinstance(answer, JobRefused):
                if endpoint.trust.note_failure(request.job, last_in_use=not self._others_in_use(endpoint)):
                    self._eject(endpoint)
                if isinstance(answer, Fault) and answer.kind != "timeout":
                    await endpoint.look(self._session, self._service)
            return answer
        finally:
            self._permits.give_back(endpoint)

    def _note_busy(self, endpoint: Endpoint, job: int, busy: Busy) -> Busy:
        endpoint.paused_until = monotonic() + busy.retry_after_s
        if busy.code == INCOMPATIBLE_WIRE:
            endpoint.handshake = None  # it was replaced by another release: the next look will name it
            self._looking.look_now()
        if endpoint.trust.note_busy(last_in_use=not self._others_in_use(endpoint)):
            self._eject(endpoint)
        if busy.code != OUT_OF_MEMORY:
            return busy
        if endpoint.trust.is_alone(job):
            self._canaries.ask_once(endpoint.trust, partial(self._send_canary, endpoint))
        return replace(busy, too_large=endpoint.trust.note_shortage(job))

    def _eject(self, endpoint: Endpoint) -> None:
        log.warning("worker endpoint ejected", pool=self.name, endpoint=endpoint.url)
        endpoint.handshake = None  # it may come back as another model
        self._canaries.ask_until_answered(endpoint.trust, endpoint.url, partial(self._send_canary, endpoint))

    async def _send_canary(self, endpoint: Endpoint) -> CanaryEnd:
        if endpoint not in self._permits.endpoints:
            return "gone"
        await endpoint.look(self._session, self._service)
        if not endpoint.ready or endpoint.handshake is None:
            return "away"
        return canary_end(await exchange(self._session, endpoint.url, self._canary(), self._timeout))

    def _others_in_use(self, endpoint: Endpoint) -> bool:
        return any(other.in_use for other in self._permits.endpoints if other is not endpoint)

    def _unavailable(self) -> Unavailable:
        now, interval_s = monotonic(), self._looking.interval_s
        found = Counter("busy" if state.state == "ready" else state.state for state in self.state())
        detail = ", ".join(f"{count} {word}" for word, count in found.items()) or "the pool is empty"
        wait_s = min((e.admits_in_s(now, interval_s) for e in self._permits.endpoints), default=interval_s)
        return Unavailable(self.name, f"no worker takes the call ({detail})", wait_s)

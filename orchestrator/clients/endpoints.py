"""A worker pool: chooses an endpoint for every call, limits the calls in flight, and routes around failure."""

import asyncio
import io
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from time import monotonic
from urllib.parse import urlencode

import aiohttp
import structlog
from yarl import URL

from orchestrator.clients.circuit import CLOSED, on_busy, on_failure
from orchestrator.clients.endpoint import Endpoint, EndpointState
from orchestrator.clients.http import TRANSPORT_ERRORS, Fault, fault_of, retry_after_s, traced
from orchestrator.clients.permits import Permits
from orchestrator.clients.replies import BUSY, WorkerReply, accepted
from orchestrator.config import PoolSpec
from orchestrator.domain.errors import JobFailed, Unavailable
from workers.wire import Handshake

CONNECT_TIMEOUT_S = 2.0
EAGER_POLL_S = 0.25
"""How often a pool looks while it has no usable endpoint: jobs are waiting for the first one."""
CHUNKED_FROM_BYTES = 64 * 1024
"""A larger body is handed to aiohttp as a stream, which it sends in pieces and lets the loop run in between."""
log = structlog.get_logger(__name__)


class WorkerPool:
    """The endpoints of one pool of queues.yaml. ``session`` belongs to the caller; ``service`` is whom to expect.

    A call that finds every usable endpoint at its limit waits its turn, in order of arrival, for ``queue_wait_s``.
    """

    def __init__(
        self,
        name: str,
        spec: PoolSpec,
        session: aiohttp.ClientSession,
        *,
        service: str,
        poll_interval_s: float = 2.0,
        queue_wait_s: float = 5.0,
    ) -> None:
        self.name = name
        self._spec = spec
        self._session = session
        self._service = service
        self._poll_interval_s = poll_interval_s
        self._permits = Permits(spec, queue_wait_s)
        self._timeout = aiohttp.ClientTimeout(total=spec.timeout_s, sock_connect=CONNECT_TIMEOUT_S)
        self._look_now = asyncio.Event()
        self._poller: asyncio.Task[None] | None = None
        self.replace_endpoints(spec.endpoints)

    async def start(self) -> None:
        """Look at every endpoint once, then keep looking until ``close()``."""
        await self._look()
        self._poller = asyncio.create_task(self._poll(), name=f"poll-{self.name}")

    async def close(self) -> None:
        """Stop looking. Calls in flight are their callers' to end."""
        if self._poller is not None:
            self._poller.cancel()
            await asyncio.gather(self._poller, return_exceptions=True)
            self._poller = None

    def replace_endpoints(self, urls: Sequence[str]) -> None:
        """From now on the pool is ``urls``. Those that stay keep their state, removed ones finish what is in flight."""
        known = {endpoint.url: endpoint for endpoint in self._permits.endpoints}
        wanted = dict.fromkeys(url.rstrip("/") for url in urls)
        self._permits.endpoints = tuple(known.get(url) or Endpoint(url) for url in wanted)
        self._look_now.set()

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
        self, path: str, *, query: Mapping[str, str], body: bytes, headers: Mapping[str, str]
    ) -> WorkerReply:
        """POST ``body`` to one endpoint and return its 200.

        Moves on to another endpoint, each at most once, when one is busy or cannot be reached, or when it fails to
        answer (the connection ends, the time is up). The second failure to answer ends the call, because the job may
        be the cause; so does the first one when no other endpoint is left. With nowhere else to go, an endpoint that
        cut the connection and is still there is asked once more.

        Raises JobFailed (``worker_died``, ``worker_timeout``, ``worker_error``, ``bad_worker_reply``), JobRefused with
        the worker's own code, Unavailable when no endpoint took the request.
        """
        target = f"{path}?{urlencode(query)}" if query else path
        sent_headers = traced(dict(headers))
        tried: set[Endpoint] = set()
        lost: JobFailed | None = None
        while (endpoint := await self._permits.take(tried)) is not None:
            tried.add(endpoint)
            answer = await self._exchange(endpoint, target, body, sent_headers)
            if isinstance(answer, WorkerReply):
                if answer.status != BUSY:
                    return accepted(answer)
            elif answer.kind != "unreachable":
                again = lost is not None
                lost = JobFailed(f"worker_{answer.kind}", f"{endpoint.url}: {answer.detail}")
                if again:
                    raise lost
                if answer.kind == "died" and not self._others_in_use(endpoint):
                    tried.discard(endpoint)
        raise lost or self._unavailable()

    async def _exchange(
        self, endpoint: Endpoint, target: str, body: bytes, headers: Mapping[str, str]
    ) -> WorkerReply | Fault:
        """One request with the permit that is held for ``endpoint``, which is given back whatever happens."""
        data = body if len(body) < CHUNKED_FROM_BYTES else io.BytesIO(body)
        url = URL(endpoint.url + target, encoded=True)
        try:
            async with self._session.post(
                url, data=data, headers=headers, timeout=self._timeout, allow_redirects=False
            ) as response:
                reply = WorkerReply(response.status, response.headers, await response.read(), endpoint.url)
            self._learn(endpoint, reply)
        except TRANSPORT_ERRORS as error:
            fault = fault_of(error)
            self._note_failure(endpoint)
            if fault.kind != "timeout":
                await endpoint.look(self._session, self._service)
            return fault
        else:
            return reply
        finally:
            self._permits.give_back(endpoint)

    def _learn(self, endpoint: Endpoint, reply: WorkerReply) -> None:
        if reply.status == BUSY:
            now = monotonic()
            endpoint.paused_until = now + retry_after_s(reply.headers.get("Retry-After"), default_s=1.0)
            last = not self._others_in_use(endpoint)
            endpoint.circuit = on_busy(endpoint.circuit, now=now, eject_after=self._spec.eject_after, last_in_use=last)
        elif reply.status >= 500:
            self._note_failure(endpoint)
        else:
            endpoint.circuit = CLOSED

    def _note_failure(self, endpoint: Endpoint) -> None:
        before, now, last = endpoint.circuit.state, monotonic(), not self._others_in_use(endpoint)
        endpoint.circuit = on_failure(endpoint.circuit, now=now, eject_after=self._spec.eject_after, last_in_use=last)
        if endpoint.circuit.state == "open":
            endpoint.handshake = None
        if before == "closed" and endpoint.circuit.state == "open":
            log.warning("worker endpoint ejected", pool=self.name, endpoint=endpoint.url)

    def _others_in_use(self, endpoint: Endpoint) -> bool:
        return any(other.in_use for other in self._permits.endpoints if other is not endpoint)

    def _unavailable(self) -> Unavailable:
        now, spec = monotonic(), self._spec
        found = Counter("busy" if state.state == "ready" else state.state for state in self.state())
        detail = ", ".join(f"{count} {word}" for word, count in found.items()) or "the pool is empty"
        wait_s = min(
            (e.admits_in_s(now, spec.probe_after_s, self._interval_s) for e in self._permits.endpoints),
            default=self._interval_s,
        )
        return Unavailable(self.name, f"no worker takes the call ({detail})", wait_s)

    @property
    def _interval_s(self) -> float:
        some_in_use = any(endpoint.in_use for endpoint in self._permits.endpoints)
        return self._poll_interval_s if some_in_use else min(EAGER_POLL_S, self._poll_interval_s)

    async def _poll(self) -> None:
        while True:
            try:
                async with asyncio.timeout(self._interval_s * random.uniform(0.8, 1.2)):
                    await self._look_now.wait()
            except TimeoutError:
                pass
            await self._look()

    async def _look(self) -> None:
        self._look_now.clear()
        looks = (e.look(self._session, self._service) for e in self._permits.endpoints)
        # With exceptions as results none of them can take the place of a cancellation.
        for result in await asyncio.gather(*looks, return_exceptions=True):
            if isinstance(result, BaseException):
                log.error("looking at worker endpoints failed", pool=self.name, exc_info=result)
        self._permits.hand_out()

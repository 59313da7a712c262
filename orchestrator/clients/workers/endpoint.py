"""One worker endpoint: what is known about it, and how that is found out."""

from dataclasses import dataclass
from typing import Literal

import aiohttp
import structlog
from pydantic import ValidationError

from orchestrator import __version__
from orchestrator.clients.canaries.trust import Trust
from orchestrator.clients.http import TRANSPORT_ERRORS, fault_of
from workers.wire import HANDSHAKE_PATH, READY_PATH, WIRE_VERSION, Handshake

EndpointStatus = Literal["ready", "unready", "incompatible", "ejected", "probing"]
LOOK_TIMEOUT = aiohttp.ClientTimeout(total=2.0)
SILENT_AFTER = 5
"""Looks in a row that timed out, after which an endpoint is out of reach. Fewer may be a machine under load."""
WAIT_FOR_PERMIT_S = 0.1
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class EndpointState:
    """An endpoint as status pages and metrics show it. ``failures`` are jobs that failed in a row; ``model`` and
    ``release`` are None until they are known, ``problem`` says why an incompatible one is that."""

    url: str
    state: EndpointStatus
    in_flight: int
    failures: int
    model: str | None
    release: str | None = None
    problem: str | None = None


class Endpoint:
    """One worker, by its URL. Changed by its pool alone; ``paused_until`` is the end of its last Retry-After."""

    __slots__ = ("handshake", "in_flight", "mismatch", "paused_until", "ready", "silent_looks", "trust", "url")

    def __init__(self, url: str, trust: Trust | None = None) -> None:
        self.url = url
        self.trust = trust or Trust()
        self.ready = False
        self.handshake: Handshake | None = None
        self.mismatch: str | None = None
        self.in_flight = 0
        self.paused_until = 0.0
        self.silent_looks = 0

    @property
    def in_use(self) -> bool:
        """Whether requests go to it in the ordinary course of things."""
        return self.ready and self.handshake is not None and self.trust.holds

    def admits(self, now: float) -> bool:
        """Whether it may be sent a job now, as far as the number in flight allows."""
        return self.in_use and now >= self.paused_until

    def may_admit_soon(self, now: float) -> bool:
        """Whether waiting a moment for it makes sense: it takes jobs, or is being asked whether it is well again."""
        return self.admits(now) or (self.ready and self.trust.circuit.state == "half_open")

    def admits_in_s(self, now: float, poll_interval_s: float) -> float:
        """A guess, in seconds, at when it is worth asking again."""
        if not self.in_use:
            return poll_interval_s
        return max(self.paused_until - now, WAIT_FOR_PERMIT_S)

    def state(self) -> EndpointState:
        """What is known about it, as a value."""
        return EndpointState(
            self.url,
            self._status(),
            self.in_flight,
            failures=len(self.trust.circuit.failed),
            model=self.handshake.model if self.handshake else None,
            release=self.handshake.release if self.handshake else None,
            problem=self.mismatch,
        )

    def _status(self) -> EndpointStatus:
        if self.mismatch is not None:
            return "incompatible"
        if not self.trust.holds:
            return "probing" if self.trust.circuit.state == "half_open" else "ejected"
        return "ready" if self.in_use else "unready"

    async def look(self, session: aiohttp.ClientSession, service: str) -> None:
        """Ask for readiness, and shake hands if that is due: before first use and after every time it was out.

        A look that times out changes nothing until the SILENT_AFTER-th in a row: a machine under load answers late,
        and hanging requests are the circuit's business. An endpoint that is silent for so long is out of reach, the
        last one too: what is sent into a black hole costs jobs attempts. Never raises for what the other side does.
        """
        try:
            async with session.get(self.url + READY_PATH, timeout=LOOK_TIMEOUT, allow_redirects=False) as response:
                ready = response.status == 200
            self.silent_looks = 0
            if ready and self.handshake is None:
                self._meet(*await self._shake_hands(session, service))
            self.ready = ready
        except TRANSPORT_ERRORS as error:
            if fault_of(error).kind == "timeout":
                self.silent_looks += 1
                if self.silent_looks < SILENT_AFTER:
                    return
            self.ready = False
        if not self.ready:
            self.handshake = self.mismatch = None

    async def _shake_hands(self, session: aiohttp.ClientSession, service: str) -> tuple[Handshake | None, str | None]:
        async with session.get(self.url + HANDSHAKE_PATH, timeout=LOOK_TIMEOUT, allow_redirects=False) as response:
            status, body = response.status, await response.read()
        try:
            handshake = Handshake.model_validate_json(body) if status == 200 else None
        except ValidationError:
            handshake = None
        if handshake is None:
            return None, f"it gave no handshake (status {status})"
        if (handshake.service, handshake.wire) != (service, WIRE_VERSION):
            return None, _mismatch(handshake, service)
        return handshake, None

    def _meet(self, handshake: Handshake | None, mismatch: str | None) -> None:
        if mismatch is not None and mismatch != self.mismatch:
            log.error("worker endpoint refused", endpoint=self.url, reason=mismatch)
        self.handshake, self.mismatch = handshake, mismatch


def _mismatch(handshake: Handshake, service: str) -> str:
    remedy = "run the same release of both" if handshake.service == service else "correct its URL"
    return (
        f"it is {handshake.service} on {handshake.wire} (release {handshake.release}), wanted {service} on"
        f" {WIRE_VERSION} (release {__version__}); {remedy}"
    )

"""One request to one worker: what is sent, what came of it, and what several of them mean for their job."""

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar
from urllib.parse import urlencode

import aiohttp
from yarl import URL

from orchestrator.clients.canaries.sender import CanaryEnd
from orchestrator.clients.http import TRANSPORT_ERRORS, Fault, fault_of, retry_after_s
from orchestrator.clients.workers.replies import BUSY, OUT_OF_MEMORY, WorkerReply, accepted, error_in
from orchestrator.domain.errors import JobError, JobFailed, JobRefused
from orchestrator.domain.pictures import SkippedPicture
from workers.wire import WIRE_HEADER, WIRE_VERSION

CHUNKED_FROM_BYTES = 64 * 1024
"""A larger body is handed to aiohttp as a stream, which it sends in pieces and lets the loop run in between."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class WorkerRequest(Generic[T]):
    """A POST. ``read`` makes the result of a 200; what breaks the wire's contract raises JobFailed."""

    path: str
    query: Mapping[str, str]
    body: bytes = field(repr=False)
    headers: Mapping[str, str]
    read: Callable[[WorkerReply], T]

    @property
    def target(self) -> str:
        """Path and query string."""
        return f"{self.path}?{urlencode(self.query)}" if self.query else self.path

    @property
    def job(self) -> int:
        """A number by which the pool tells requests apart: the same one for the same path, query and body."""
        return hash((self.target, self.body))


@dataclass(frozen=True, slots=True)
class Served(Generic[T]):
    """A 200 that was read. It ``proves`` that the model works unless nothing was made, or a skipped image's rendition
    only, for which no model is asked."""

    result: T
    proves: bool


@dataclass(frozen=True, slots=True)
class Busy:
    """A 503: not now. ``too_large`` is set when the job alone is to blame for it."""

    code: str
    message: str
    retry_after_s: float
    too_large: bool = False


Answer = Served[T] | JobError | Fault | Busy


async def exchange(
    session: aiohttp.ClientSession, base_url: str, request: WorkerRequest[T], timeout: aiohttp.ClientTimeout
) -> Answer[T]:
    """Send ``request`` to the worker at ``base_url``. Whatever comes of it is a value."""
    body = request.body
    try:
        async with session.post(
            URL(base_url + request.target, encoded=True),
            data=body if len(body) < CHUNKED_FROM_BYTES else io.BytesIO(body),
            headers={**request.headers, WIRE_HEADER: WIRE_VERSION},
            timeout=timeout,
            allow_redirects=False,
        ) as response:
            reply = WorkerReply(response.status, response.headers, await response.read(), base_url)
    except TRANSPORT_ERRORS as error:
        return fault_of(error)
    if reply.status == BUSY:
        error_body = error_in(reply)
        code, message = (error_body.code, error_body.message) if error_body else ("busy", "")
        return Busy(code, message, retry_after_s(reply.headers.get("Retry-After"), default_s=1.0))
    try:
        result = request.read(accepted(reply))
    except JobError as error:
        return error
    return Served(result, proves=bool(reply.body) and not isinstance(result, SkippedPicture))


def canary_end(answer: Answer[object]) -> CanaryEnd:
    """What a canary has found out. A worker that refuses it has looked at it; one that is full will have time soon."""
    if isinstance(answer, Served | JobRefused):
        return "answered"
    return "away" if isinstance(answer, Busy) and answer.code != OUT_OF_MEMORY else "failed"


class Tally:
    """What one call has met on its way from endpoint to endpoint, and what that means for a job of ``body_bytes``."""

    def __init__(self, body_bytes: int) -> None:
        self._body_bytes = body_bytes
        self._lost: JobFailed | None = None
        self._too_large: JobFailed | None = None
        self._waits = False

    def note(self, url: str, answer: JobError | Fault | Busy, *, charged: bool) -> None:
        """``charged``: failing here is the job's fault. Raises JobRefused or JobFailed when that ends the call."""
        match answer:
            case JobRefused():
                raise answer
            case JobError() if charged:
                raise answer
            case Busy(too_large=True):
                said = f"{url} has no memory for this job ({self._body_bytes} bytes) and has served others meanwhile"
                self._too_large = JobFailed(OUT_OF_MEMORY, f"{said}: {answer.message}")
            case Busy():
                self._waits = True
            case Fault(kind, detail) if charged and kind != "unreachable":
                again, self._lost = self._lost is not None, JobFailed(f"worker_{kind}", f"{url}: {detail}")
                if again:
                    raise self._lost

    def failure(self) -> JobFailed | None:
        """What the job is charged for when no endpoint is left; None when it is to wait."""
        return self._lost or (None if self._waits else self._too_large)

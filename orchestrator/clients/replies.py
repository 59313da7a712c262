"""What a worker answered, and what that means for the job. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import ValidationError

from orchestrator.domain.errors import JobFailed, JobRefused
from workers.wire import ErrorReply

BUSY = 503
BAD_REPLY = "bad_worker_reply"


@dataclass(frozen=True, slots=True)
class WorkerReply:
    """One answer of a worker. ``endpoint`` is the URL of the worker that gave it."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    endpoint: str


def accepted(reply: WorkerReply) -> WorkerReply:
    """The reply itself when it is a 200.

    Raises JobRefused for the worker's word that the request can never work, JobFailed for a worker's bug
    (``worker_error``) and for an answer the wire does not know (``bad_worker_reply``).
    """
    if reply.status == 200:
        return reply
    try:
        error = ErrorReply.model_validate_json(reply.body)
    except ValidationError:
        error = None
    if reply.status >= 500:
        said = f"{error.code}: {error.message}" if error else f"status {reply.status}"
        raise JobFailed("worker_error", f"{reply.endpoint} answered {said}")
    if 400 <= reply.status < 500 and error:
        raise JobRefused(error.code, error.message)
    raise JobFailed(BAD_REPLY, f"{reply.endpoint} answered status {reply.status} without the wire's error body")

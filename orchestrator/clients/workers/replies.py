"""What a worker answered, and what that means for the job. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
from pydantic import ValidationError

from orchestrator.domain.errors import JobFailed, JobRefused
from orchestrator.domain.jobs import Content
from orchestrator.domain.relevance.vectors import Vector
from workers.wire import RESULT_HEADER, ContentReply, EncodeReply, ErrorReply, WireValue

BUSY = 503
OUT_OF_MEMORY = "out_of_memory"
"""The code of a 503 for a request that the worker's memory does not hold."""
BAD_REPLY = "bad_worker_reply"
LENGTH_TOLERANCE = 1e-3
_BYTES_PER_NUMBER = 4
HEX_16 = re.compile(r"[0-9a-f]{16}")

Result = TypeVar("Result", bound=WireValue)


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
    error = error_in(reply)
    if reply.status >= 500:
        said = f"{error.code}: {error.message}" if error else f"status {reply.status}"
        raise JobFailed("worker_error", f"{reply.endpoint} answered {said}")
    if 400 <= reply.status < 500 and error:
        raise JobRefused(error.code, error.message)
    raise JobFailed(BAD_REPLY, f"{reply.endpoint} answered status {reply.status} without the wire's error body")


def error_in(reply: WorkerReply) -> ErrorReply | None:
    """The wire's error body, or None where there is none."""
    try:
        return ErrorReply.model_validate_json(reply.body)
    except ValidationError:
        return None


def result_of(reply: WorkerReply, kind: type[Result]) -> Result:
    """The result header of a 200. Raises JobFailed (``bad_worker_reply``) when it is not what the wire says."""
    try:
        return kind.model_validate_json(reply.headers.get(RESULT_HEADER, ""))
    except ValidationError as error:
        mistakes = error.error_count()
        raise bad_reply(reply, f"header {RESULT_HEADER} does not parse ({mistakes} mistakes)") from error


def content_of(reply: WorkerReply, source: ContentReply, *, sha256: str, source_bytes: int) -> Content:
    """What the worker read in the original, whose hash and size the caller knows. Raises JobFailed
    (``bad_worker_reply``) for a picture without width, height or hash."""
    if min(source.width, source.height) < 1 or not HEX_16.fullmatch(source.phash):
        raise bad_reply(reply, "content is not described")
    return Content(
        sha256=sha256,
        phash=source.phash,
        width=source.width,
        height=source.height,
        format=source.format,
        bytes=source_bytes,
    )


def bad_reply(reply: WorkerReply, problem: str) -> JobFailed:
    """The error for a reply that breaks the wire's contract."""
    return JobFailed(BAD_REPLY, f"{reply.endpoint}: {problem}")


def parse_encode_reply(reply: WorkerReply, *, count: int) -> tuple[Vector, ...]:
    """The ``count`` vectors of an answer to /encode.

    Raises JobFailed (``bad_worker_reply``) when it breaks the wire's contract.
    """
    result = result_of(reply, EncodeReply)
    if result.count != count:
        raise bad_reply(reply, f"{result.count} vectors for {count} texts")
    if not result.model:
        raise bad_reply(reply, "model is missing")
    return unit_vectors(reply, count=count, dimension=result.dimension, space=result.space)


def unit_vectors(reply: WorkerReply, *, count: int, dimension: int, space: str) -> tuple[Vector, ...]:
    """The vectors in the reply's body. Raises JobFailed unless they are ``count`` finite vectors of ``dimension``
    numbers and length 1, in a space that has a name."""
    if not space:
        raise bad_reply(reply, "the space of the vectors has no name")
    if dimension < 1 or len(reply.body) != count * dimension * _BYTES_PER_NUMBER:
        raise bad_reply(reply, f"{len(reply.body)} bytes for {count} vectors of {dimension} numbers")
    rows = np.frombuffer(reply.body, "<f4").reshape(count, dimension)
    off = np.abs(np.linalg.norm(rows.astype(np.float64), axis=1) - 1)
    if not (off <= LENGTH_TOLERANCE).all():  # this way round it is False for NaN and infinity
        raise bad_reply(reply, f"not every vector has length 1 (within {LENGTH_TOLERANCE})")
    return tuple(Vector(space, row.tobytes()) for row in rows)

"""Vectors as a worker sends them, checked before anything is stored or compared. Pure."""

import numpy as np

from orchestrator.clients.replies import WorkerReply, bad_reply, result_of
from orchestrator.domain.vectors import Vector
from workers.wire import EncodeReply

LENGTH_TOLERANCE = 1e-3
_BYTES_PER_NUMBER = 4


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

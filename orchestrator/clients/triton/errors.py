"""What a question to Triton that failed means for its job."""

import re

from orchestrator.domain.errors import JobError, JobFailed, JobRefused, Unavailable

DIED, TIMEOUT = "worker_died", "worker_timeout"
LOOK_AGAIN_S = 1.0
_REFUSED = re.compile(r"refused:(?P<code>[a-z0-9_]+): (?P<message>.*)", re.DOTALL)
# UNAVAILABLE is also what gRPC says of a connection that broke; only these words mean that nothing was begun.
_NOTHING_BEGUN = (
    "busy:",
    "Exceeds maximum queue size",
    "Request timeout expired",
    "failed to connect to all addresses",
)


class OutOfMemory(Unavailable):
    """The model has no memory for the question, at the moment or ever."""


def fault_of_call(model: str, status: str, message: str) -> JobError | Unavailable:
    """What a question that ended with gRPC status ``status`` means for the job. Pure.

    Unavailable only when the model has surely not begun; a question that was cut off on the way costs an attempt.
    """
    said = f"{model}: {status}: {message}"[:1000]
    if status == "INVALID_ARGUMENT":
        refused = _REFUSED.fullmatch(message)
        return JobRefused(refused["code"], refused["message"]) if refused else JobRefused("vlm_bad_request", said)
    if status == "DEADLINE_EXCEEDED":
        return JobFailed(TIMEOUT, said)
    if status == "UNAVAILABLE" and "busy:out_of_memory:" in message:
        return OutOfMemory("triton", said, LOOK_AGAIN_S)
    if status == "NOT_FOUND" or (status == "UNAVAILABLE" and any(words in message for words in _NOTHING_BEGUN)):
        return Unavailable("triton", said, LOOK_AGAIN_S)
    return JobFailed(DIED if status in ("UNAVAILABLE", "CANCELLED") else "vlm_error", said)

"""Everything that can go wrong, by whose fault it is. The branch decides what the engine does.

    JustLensError
    ├── JobError                 the job's own fault
    │   ├── JobRefused           it can never work: dead letter now, with the reason
    │   └── JobFailed            it did not work this time: costs an attempt, tried again later
    ├── JobDeferred              someone outside asks for time: back later through a retry queue, no attempt charged
    ├── Unavailable              something of ours is away: wait in place, no attempt charged
    │   ├── PublishUnconfirmed   the broker did not say yes; the message may or may not be there
    │   └── Unroutable           no queue took the message: the topology is broken
    ├── SubscriptionLost         the consumer is no longer attached: attach again
    ├── ConfigurationError       the operator's: refuse to start, every mistake at once
    └── TopologyMismatch         broker and queues.yaml disagree: refuse to start

Anything else that a stage raises is a bug of ours. It costs an attempt, and its stack travels with the dead letter.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a job could not be done: a stable ``code`` for machines, a ``message`` for people, ``stack`` for our bugs."""

    code: str
    message: str
    stack: str = ""

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


class JustLensError(Exception):
    """Base of everything JustLens raises on purpose."""


class JobError(JustLensError):
    """The job's own fault; ``reason`` is what the dead letter will say."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.reason = Reason(code, message)


class JobRefused(JobError):
    """The job can never work as it is."""


class JobFailed(JobError):
    """The job did not work this time. With ``max_attempts`` that many are made at most, whatever the queue allows."""

    def __init__(self, code: str, message: str, *, max_attempts: int | None = None) -> None:
        super().__init__(code, message)
        self.max_attempts = max_attempts


class JobDeferred(JustLensError):
    """Someone outside, such as an image host, asks for ``delay_s`` seconds. The job goes back uncharged meanwhile."""

    def __init__(self, code: str, message: str, delay_s: float) -> None:
        super().__init__(f"{code}: {message}")
        self.reason = Reason(code, message)
        self.delay_s = delay_s


class Unavailable(JustLensError):
    """A ``dependency`` of ours (broker, store, every worker of a pool) is away or overloaded."""

    def __init__(self, dependency: str, detail: str = "", retry_after_s: float | None = None) -> None:
        super().__init__(f"{dependency} is not available" + (f": {detail}" if detail else ""))
        self.dependency = dependency
        self.retry_after_s = retry_after_s


class PublishUnconfirmed(Unavailable):
    """A publish timed out or was cut off: unknown, not failed. It has to be repeated."""


class Unroutable(Unavailable):
    """The queue does not exist; a message that was for it is surely not there."""

    def __init__(self, dependency: str, detail: str = "there is no such queue") -> None:
        super().__init__(dependency, detail)
        self.args = (f"{dependency}: {detail}; `justlens topology apply` declares what is missing",)


class SubscriptionLost(JustLensError):
    """The consumer was cancelled, or its channel or connection closed."""


class ConfigurationError(JustLensError):
    """Configuration that cannot be used. ``problems`` lists every mistake, each with field and remedy."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class TopologyMismatch(JustLensError):
    """The broker's queues are not what queues.yaml says. ``differences`` lists them all."""

    def __init__(self, differences: Sequence[str]) -> None:
        super().__init__("\n".join(differences))
        self.differences = tuple(differences)

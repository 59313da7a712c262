"""What a model family brings to the shared HTTP shape."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from workers.wire import Handshake, WireValue


@dataclass(frozen=True, slots=True)
class Call:
    """One request to a model: the body as sent, the query string."""

    body: bytes = field(repr=False)
    query: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Answer:
    """200: ``result`` goes into the header, ``body`` after it. ``code`` is what the metrics call it."""

    result: WireValue
    body: bytes = field(default=b"", repr=False)
    media_type: str = "application/octet-stream"
    code: str = "done"


Handler = Callable[[Call], Awaitable[Answer]]


class ModelService(Protocol):
    """What a model family brings along."""

    name: str

    @property
    def endpoints(self) -> Mapping[str, Handler]:
        """Path to handler, for POST. A handler raises Refused or Busy; what else it raises is a bug."""

    @property
    def not_ready(self) -> str | None:
        """Why no work can be taken, as a code; None when it can."""

    def handshake(self) -> Handshake:
        """Who answers."""

    async def load(self) -> None:
        """Make ready. Called once, while the server listens already."""

    async def close(self) -> None:
        """Release everything. Called once, also after a failed or unfinished ``load``."""

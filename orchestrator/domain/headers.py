"""The headers of a message: which are ours, what they say, and which of the broker's must not be copied.

    x-attempt        number of this attempt, the first is 1
    x-first-seen     Unix ms when the job was first read from this queue
    x-replays        how often an operator sent it again from the error queue
    x-releases     how often it was given back uncharged: by a draining process, or because a host asked for time
    x-error-*        on dead letters only: code, message, stack, at (Unix ms), attempts
    traceparent      W3C trace context

A republished message keeps its publisher's headers, except what the broker adds when it dead-letters: with copied
``x-death`` a broker may take a retry for a cycle and drop a confirmed message.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeGuard

from orchestrator.domain.errors import JobRefused, Reason

ATTEMPT = "x-attempt"
FIRST_SEEN = "x-first-seen"
REPLAYS = "x-replays"
RELEASES = "x-releases"
ERROR_CODE = "x-error-code"
ERROR_MESSAGE = "x-error-message"
ERROR_STACK = "x-error-stack"
ERROR_AT = "x-error-at"
ERROR_ATTEMPTS = "x-error-attempts"
TRACEPARENT = "traceparent"

_OURS = frozenset({ATTEMPT, FIRST_SEEN, REPLAYS, RELEASES, TRACEPARENT})
_NOT_COPIED = ("x-death", "x-first-death-", "x-last-death-", "x-delivery-count", "x-error-")
_MAX_TEXT = 2000
_MAX_FOREIGN = 32
_MAX_FOREIGN_NAME_BYTES = 255
_MAX_FOREIGN_TEXT_BYTES = 1024
_MAX_COUNT = 2**53  # every store and every JSON reader can hold it, and it can still be counted up


@dataclass(frozen=True, slots=True)
class Envelope:
    """What a message says beside its job. ``foreign`` holds the publisher's own headers, kept from hop to hop."""

    attempt: int
    first_seen: int
    replays: int = 0
    releases: int = 0
    traceparent: str | None = None
    foreign: Mapping[str, str | int] = field(default_factory=dict)

    @property
    def seen_before(self) -> bool:
        """Whether another copy of this job may have been settled already."""
        return self.attempt > 1 or self.replays > 0 or self.releases > 0

    def headers(self) -> dict[str, str | int]:
        """The headers of a message that carries this envelope on."""
        ours: dict[str, str | int] = {ATTEMPT: self.attempt, FIRST_SEEN: self.first_seen}
        if self.replays:
            ours[REPLAYS] = self.replays
        if self.releases:
            ours[RELEASES] = self.releases
        if self.traceparent:
            ours[TRACEPARENT] = self.traceparent
        return {**self.foreign, **ours}

    def dead_headers(self, reason: Reason, now_ms: int) -> dict[str, str | int]:
        """The headers of the dead letter."""
        headers = self.headers() | {
            ERROR_CODE: encodable(reason.code)[:_MAX_TEXT],
            ERROR_MESSAGE: encodable(reason.message)[:_MAX_TEXT],
            ERROR_AT: now_ms,
            ERROR_ATTEMPTS: self.attempt,
        }
        return headers | {ERROR_STACK: encodable(reason.stack)[:_MAX_TEXT]} if reason.stack else headers

    def for_attempt(self, attempt: int) -> "Envelope":
        """The envelope of the next attempt."""
        return replace(self, attempt=attempt)

    def for_next_job(self, now_ms: int) -> "Envelope":
        """The envelope of the job that follows: its own first attempt, the same trace and foreign headers."""
        return Envelope(1, now_ms, traceparent=self.traceparent, foreign=self.foreign)

    def released(self) -> "Envelope":
        """The envelope of the same attempt, given back uncharged."""
        return replace(self, releases=self.releases + 1)

    def replayed(self) -> "Envelope":
        """The envelope of a dead letter's new life: all attempts again."""
        return replace(self, attempt=1, replays=self.replays + 1, releases=0)


def foreign_headers(headers: Mapping[str, Any]) -> dict[str, str | int]:
    """The publisher's own headers that travel on: at most 32 short texts and whole numbers.

    The bound leaves room for our own: all headers of a message must fit into one frame, or it could not be published
    any more.
    """
    kept = [
        (name, value)
        for name, value in headers.items()
        if name not in _OURS and not name.startswith(_NOT_COPIED) and _travels(name, value)
    ]
    return dict(kept[:_MAX_FOREIGN])


def _travels(name: str, value: Any) -> bool:
    """Whether every broker takes this header: AMQP's integers have 64 bits, its header names 255 bytes."""
    if not _fits(name, _MAX_FOREIGN_NAME_BYTES) or isinstance(value, bool):
        return False
    if isinstance(value, int):
        return -(2**63) <= value < 2**63
    return isinstance(value, str) and _fits(value, _MAX_FOREIGN_TEXT_BYTES)


def _fits(text: str, max_bytes: int) -> bool:
    try:
        return len(text.encode()) <= max_bytes
    except UnicodeEncodeError:
        return False


def encodable(text: str) -> str:
    """``text`` with what UTF-8 cannot carry (lone surrogates) replaced."""
    return text.encode("utf-8", "replace").decode()


def is_count(value: object) -> TypeGuard[int]:
    """Whether a header's value can be one of our counters or times."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _MAX_COUNT


def _count(headers: Mapping[str, Any], name: str, default: int) -> int:
    value = headers.get(name, default)
    if not is_count(value):
        raise JobRefused(
            "bad_header", f"header {name}: must be a whole number from 0 to 2^53; leave it out when publishing"
        )
    return value


def _refuse_forged_deaths(headers: Mapping[str, Any]) -> None:
    """A forged ``x-death`` would keep the delivery limit from burying its message.

    In RabbitMQ 3.10 a list of anything but tables crashes the dead-lettering of the whole queue, and an entry that
    names the error queue passes for a cycle. No broker writes either: nothing is dead-lettered from an error queue.
    """
    deaths = headers.get("x-death", [])
    genuine = isinstance(deaths, list) and all(isinstance(death, Mapping) for death in deaths)
    if not genuine or any("error." in str(death.get("queue")) for death in deaths):
        raise JobRefused("bad_header", "header x-death: only a broker may write it; leave it out when publishing")


def read_envelope(headers: Mapping[str, Any], now_ms: int) -> Envelope:
    """What the headers say. Raises JobRefused when one of ours, or the broker's, is not what it should be."""
    _refuse_forged_deaths(headers)
    traceparent = headers.get(TRACEPARENT)
    return Envelope(
        attempt=max(1, _count(headers, ATTEMPT, 1)),
        first_seen=_count(headers, FIRST_SEEN, now_ms),
        replays=_count(headers, REPLAYS, 0),
        releases=_count(headers, RELEASES, 0),
        traceparent=traceparent if isinstance(traceparent, str) else None,
        foreign=foreign_headers(headers),
    )

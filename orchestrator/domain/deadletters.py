"""Dead letters: what a message in an error queue means, as pure functions."""

import hashlib
from collections.abc import Mapping
from typing import Any

from orchestrator.domain import headers as names
from orchestrator.domain.decoding import identify
from orchestrator.domain.errors import Reason
from orchestrator.domain.headers import foreign_headers
from orchestrator.domain.ledger import DeadLetter

MAX_REPLAYS = 3
MAX_INDEXED_BYTES = 64 * 1024


def letter_id(body: bytes) -> str:
    """The job's id, or for a body without one a name made from the body: copies of one message share it."""
    job_id = identify(body).get("job_id")
    return job_id or f"raw-{hashlib.sha256(body).hexdigest()[:16]}"


def read_letter(queue: str, body: bytes, headers: Mapping[str, Any], now_ms: int) -> DeadLetter:
    """The letter that a message of ``error.<queue>`` is. Never raises: an error queue may hold anything.

    A message that the broker itself put there (delivery limit) has no reason of ours: its ``x-first-death-reason``
    stands in. The body is kept up to 64 KiB; the message itself always has all of it.
    """
    known = identify(body)
    return DeadLetter(
        queue=queue,
        letter_id=letter_id(body),
        reason=_reason(headers),
        attempts=_whole(headers, names.ERROR_ATTEMPTS, _whole(headers, names.ATTEMPT, 1)),
        replays=_whole(headers, names.REPLAYS, 0),
        first_seen=_whole(headers, names.FIRST_SEEN, now_ms),
        died_at=_whole(headers, names.ERROR_AT, now_ms),
        body=body[:MAX_INDEXED_BYTES],
        headers={**foreign_headers(headers), **_ours(headers)},
        job_id=known.get("job_id"),
        business_id=known.get("business_id"),
        image_id=known.get("image_id"),
    )


def _reason(headers: Mapping[str, Any]) -> Reason:
    if names.ERROR_CODE in headers:
        stack = str(headers.get(names.ERROR_STACK, ""))
        return Reason(str(headers[names.ERROR_CODE]), str(headers.get(names.ERROR_MESSAGE, "")), stack)
    cause = str(headers.get("x-first-death-reason", ""))
    if cause == "delivery_limit":
        return Reason(cause, "the broker delivered it again and again without an answer: it may kill the process")
    return Reason(cause or "unknown", "put there by the broker or by hand, not by a stage")


def _ours(headers: Mapping[str, Any]) -> dict[str, str | int]:
    counts = (names.ATTEMPT, names.FIRST_SEEN, names.REPLAYS, names.HAND_BACKS)
    kept: dict[str, str | int] = {name: _whole(headers, name, 0) for name in counts if name in headers}
    trace = headers.get(names.TRACEPARENT)
    return kept | {names.TRACEPARENT: trace} if isinstance(trace, str) else kept


def _whole(headers: Mapping[str, Any], name: str, default: int) -> int:
    value = headers.get(name, default)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else default


def is_parked(letter: DeadLetter) -> bool:
    """Whether the letter was replayed so often in vain that only ``--force`` sends it again."""
    return letter.replays >= MAX_REPLAYS

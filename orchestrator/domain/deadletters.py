"""Dead letters: what a message in an error queue means, as pure functions."""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from orchestrator.domain import headers as names
from orchestrator.domain.decoding import identify
from orchestrator.domain.errors import Reason
from orchestrator.domain.headers import encodable, foreign_headers, is_count
from orchestrator.domain.ledger import DeadLetter, LedgerEntry

MAX_REPLAYS = 3
MAX_INDEXED_BYTES = 64 * 1024
_MAX_TEXT = 2000


def letter_id(body: bytes) -> str:
    """The job's id, or for a body without one a name made from the body: copies of one message share it."""
    job_id = identify(body).get("job_id")
    return job_id or f"raw-{hashlib.sha256(body).hexdigest()[:16]}"


def read_letter(queue: str, body: bytes, headers: Mapping[str, Any], now_ms: int) -> DeadLetter:
    """The letter that a message of ``error.<queue>`` is. Never raises: an error queue may hold anything.

    A message that the broker itself put there (delivery limit) has no reason of ours: the broker's own word stands
    in. The body is kept up to 64 KiB; the message itself always has all of it.
    """
    known = identify(body)
    return DeadLetter(
        queue=queue,
        letter_id=letter_id(body),
        reason=_reason(headers),
        attempts=_whole(headers, names.ERROR_ATTEMPTS, _whole(headers, names.ATTEMPT, 1)),
        replays=_whole(headers, names.REPLAYS, 0),
        first_seen=_whole(headers, names.FIRST_SEEN, now_ms),
        died_at=_whole(headers, names.ERROR_AT, _broker_time(headers)),
        body=body[:MAX_INDEXED_BYTES],
        headers={**foreign_headers(headers), **_ours(headers)},
        job_id=known.get("job_id"),
        business_id=known.get("business_id"),
        image_id=known.get("image_id"),
    )


def _reason(headers: Mapping[str, Any]) -> Reason:
    if code := _text(headers.get(names.ERROR_CODE)):
        return Reason(code, _text(headers.get(names.ERROR_MESSAGE)), _text(headers.get(names.ERROR_STACK)))
    cause = _broker_cause(headers)
    if cause == "delivery_limit":
        return Reason(cause, "the broker delivered it again and again without an answer: it may kill the process")
    return Reason(cause or "unknown", "put there by the broker or by hand, not by a stage")


def _broker_cause(headers: Mapping[str, Any]) -> str:
    """Why the broker moved the message last. ``x-first-death-reason`` may still tell of its wait in a retry queue."""
    death = _last_death(headers)
    return _text(headers.get("x-first-death-reason") if death is None else death.get("reason"))


def _broker_time(headers: Mapping[str, Any]) -> int:
    """When the broker moved the message last, in Unix ms of a whole second; 0 when it does not say.

    It has to be the same at every reading: a replay leaves out what died after it began.
    """
    time = (_last_death(headers) or {}).get("time")
    seconds = int(time.timestamp()) if isinstance(time, datetime) else time
    return seconds * 1000 if is_count(seconds) else 0


def _last_death(headers: Mapping[str, Any]) -> Mapping[str, Any] | None:
    deaths = headers.get("x-death")
    return deaths[0] if isinstance(deaths, list) and deaths and isinstance(deaths[0], Mapping) else None


def _text(value: object) -> str:
    return encodable(value)[:_MAX_TEXT] if isinstance(value, str) else ""


def _ours(headers: Mapping[str, Any]) -> dict[str, str | int]:
    counts = (names.ATTEMPT, names.FIRST_SEEN, names.REPLAYS, names.RELEASES)
    kept: dict[str, str | int] = {name: _whole(headers, name, 0) for name in counts if name in headers}
    trace = headers.get(names.TRACEPARENT)
    return kept | {names.TRACEPARENT: _text(trace)} if isinstance(trace, str) else kept


def _whole(headers: Mapping[str, Any], name: str, default: int) -> int:
    value = headers.get(name)
    return value if is_count(value) else default


def dropped_entry(letter: DeadLetter, reason: Reason) -> LedgerEntry | None:
    """The ledger's line for a letter that an operator removes; None for a body that names no job."""
    if letter.job_id is None:
        return None
    return LedgerEntry(
        job_id=letter.job_id,
        queue=letter.queue,
        outcome="dropped",
        attempts=letter.attempts,
        business_id=letter.business_id or "",
        image_id=letter.image_id or "",
        received_at=letter.died_at,
        took_ms=0.0,
        reason=reason,
        replays=letter.replays,
    )


def is_parked(letter: DeadLetter) -> bool:
    """Whether the letter was replayed so often in vain that only ``--force`` sends it again."""
    return letter.replays >= MAX_REPLAYS

"""Identifiers: one normal form each, made at decode and nowhere else."""

import os
import re
import time
from uuid import UUID

MAX_ID_LENGTH = 128
_FORBIDDEN = re.compile(r"[/\\\s\x00-\x1f\x7f-\x9f]")


def normalise_id(value: object) -> str:
    """The one form of a business or image id: text, trimmed, lower case.

    Accepts text or a whole number. Raises ValueError, in words for the publisher, for anything else: an empty id,
    one over 128 characters, one with a slash, a backslash, white space or a control character inside, or a step of a
    path such as ``..`` (ids become parts of document keys and paths).
    """
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ValueError("must be text or a whole number")
    text = str(value).strip().lower()
    if not text:
        raise ValueError("must not be empty")
    if len(text) > MAX_ID_LENGTH:
        raise ValueError(f"must be at most {MAX_ID_LENGTH} characters, got {len(text)}")
    if _FORBIDDEN.search(text) or text in (".", ".."):
        raise ValueError("must not contain a slash, backslash, white space or control character, nor be '.' or '..'")
    return text


def new_job_id(now_ms: int | None = None) -> str:
    """A UUIDv7 (RFC 9562, section 5.7): 48 bits of Unix time in ms, then 74 random bits."""
    millis = time.time_ns() // 1_000_000 if now_ms is None else now_ms
    random = int.from_bytes(os.urandom(10), "big")
    value = (millis & (1 << 48) - 1) << 80 | 0x7 << 76 | (random >> 68) << 64 | 0b10 << 62 | random & (1 << 62) - 1
    return str(UUID(int=value))


def canonical_job_id(value: str) -> str:
    """The one spelling of a job id: lower case, with hyphens. Raises ValueError for what is no UUID."""
    try:
        return str(UUID(value))
    except ValueError as error:
        raise ValueError("must be a UUID; leave it out to have one made") from error


def document_id(business_id: str, image_id: str) -> str:
    """The key of an image's metadata document."""
    return f"{business_id}/{image_id}"

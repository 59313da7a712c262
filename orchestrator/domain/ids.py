"""Identifiers: one normal form each, made at decode and nowhere else."""

import os
import re
import time
import unicodedata
from uuid import UUID

MAX_ID_LENGTH = 128
_FORBIDDEN = re.compile(r"[/\\\s\x00-\x1f\x7f-\x9f]")
_WITH_HYPHENS = re.compile(rf"-*{_FORBIDDEN.pattern}(?:{_FORBIDDEN.pattern}|-)*")
# Seen by nobody, though not of Unicode's category Cf: fillers, joiners and variation selectors.
_UNSEEN = re.compile(
    r"[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0000-\U000e0fff]"
)


def normalise_id(value: object) -> str:
    """The one form of a business or image id: text in Unicode's form NFC, trimmed, lower case.

    Accepts text or a whole number. Raises ValueError, in words for the publisher, for anything else: an empty id,
    one over 128 characters, one with a slash, a backslash, white space or a control character inside, or a step of a
    path such as ``..`` (ids become parts of document keys and paths); and one with a character that nobody sees (zero
    width, change of writing direction), because two ids that look the same would not be the same.
    """
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ValueError("must be text or a whole number")
    text = _as_one_form(_as_text(value))
    if not text:
        raise ValueError("must not be empty")
    if len(text) > MAX_ID_LENGTH:
        raise ValueError(f"must be at most {MAX_ID_LENGTH} characters, got {len(text)}")
    if _FORBIDDEN.search(text) or text in (".", ".."):
        raise ValueError("must not contain a slash, backslash, white space or control character, nor be '.' or '..'")
    if unseen := next(filter(_is_unseen, text), None):
        raise ValueError(f"must not contain U+{ord(unseen):04X}, a character that nobody sees; remove it")
    return text


def id_from_name(name: str) -> str:
    """Make an id of a file's name without its ending: what an id cannot hold becomes a hyphen or is left out.

    ``Menu (new) 2`` becomes ``menu-(new)-2``. The result may still be refused by ``normalise_id``, as an empty one is.
    """
    text = _as_one_form("".join(character for character in name if not _is_unseen(character)))
    return _WITH_HYPHENS.sub("-", text).strip("-") if _FORBIDDEN.search(text) else text


def _as_text(value: str | int) -> str:
    try:
        return str(value)
    except ValueError:  # Python writes out no number of more than 4,300 digits
        raise ValueError(f"must be at most {MAX_ID_LENGTH} characters") from None


def _as_one_form(text: str) -> str:
    return unicodedata.normalize("NFC", text.lower()).strip()


def _is_unseen(character: str) -> bool:
    return unicodedata.category(character) in ("Cf", "Cs") or _UNSEEN.match(character) is not None


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

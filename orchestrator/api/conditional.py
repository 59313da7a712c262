"""Conditional and partial requests (RFC 9110, sections 8.8, 13 and 14), as pure functions."""

import re
from dataclasses import dataclass

_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.IGNORECASE)


def is_current(if_none_match: str | None, etag: str) -> bool:
    """Whether the client has what ``etag`` names; the comparison is the weak one, as for every GET."""
    if if_none_match is None:
        return False
    tags = [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")]
    return etag in tags or tags == ["*"]


@dataclass(frozen=True, slots=True)
class ByteRange:
    """The bytes from ``first`` to ``last``, both included."""

    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Unsatisfiable:
    """No byte of what was asked for exists."""


def chosen_range(header: str | None, if_range: str | None, etag: str, size: int) -> ByteRange | Unsatisfiable | None:
    """What of ``size`` bytes to send; None is all of them.

    Several ranges, another unit and what cannot be read are ignored, as the RFC allows; so is a range of a picture
    other than the one the client began with (``If-Range``, compared strongly).
    """
    found = _RANGE.fullmatch(header.strip()) if header else None
    if found is None or found.groups() == ("", "") or if_range not in (None, etag):
        return None
    first, last = found.groups()
    if not first:
        length = min(int(last), size)
        return ByteRange(size - length, size - 1) if length else Unsatisfiable()
    if last and int(last) < int(first):
        return None
    if int(first) >= size:
        return Unsatisfiable()
    return ByteRange(int(first), min(int(last), size - 1) if last else size - 1)

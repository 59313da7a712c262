"""One job as a source of `justlens publish` holds it, before it is checked."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Entry:
    """One job as it was read: where (``line 3``, or a file's name), and its body or what is wrong with it."""

    place: str
    body: bytes = b""
    problem: str | None = None


def encode(fields: Mapping[str, Any]) -> bytes:
    """The body with these fields. Raises UnicodeEncodeError for text that is no Unicode."""
    return json.dumps(fields, ensure_ascii=False).encode()

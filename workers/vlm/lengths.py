"""How long the texts of an answer may be.

A grammar could count their characters too, but xgrammar 0.2.8 takes seconds to compile such a grammar for a vocabulary
of a hundred thousand tokens, and lets no quotation mark into a text with a ``maxLength``. So the lengths are taken out
of the schema before it is compiled, and kept track of here.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

_LENGTHS = ("minLength", "maxLength")
_NO_SCHEMAS = ("const", "default", "enum", "examples")
_UNIONS = ("anyOf", "oneOf", "allOf")
_QUOTE, _BACKSLASH = b'"\\'
_MAX_REFERENCES = 32


@dataclass(frozen=True, slots=True)
class LengthBounds:
    """How many more characters the open text needs at least, and takes at most; None = any number."""

    least: int
    most: int | None


@dataclass(slots=True)
class _Frame:
    """An open object or array: the schemas that may describe it, and the key that was read last."""

    schemas: Sequence[Mapping[str, Any]]
    is_object: bool
    key: str = ""
    expects_key: bool = True


@dataclass(slots=True)
class TextTracker:
    """Reads an answer as it is written, and knows which text of the schema is open and how much is in it."""

    root: Mapping[str, Any]
    in_text: bool = False
    in_escape: bool = False
    _frames: list[_Frame] = field(default_factory=list)
    _least: int = 0
    _most: int | None = None
    _count: int = 0
    _key: bytearray | None = None

    def copy(self) -> "TextTracker":
        """One that goes on by itself."""
        key = None if self._key is None else bytearray(self._key)
        return replace(self, _frames=[replace(frame) for frame in self._frames], _key=key)

    @property
    def bounds(self) -> LengthBounds:
        """What is left to the text that is open."""
        return LengthBounds(max(0, self._least - self._count), None if self._most is None else self._most - self._count)

    def read(self, text: bytes) -> None:
        """Go on with ``text``, which continues valid JSON."""
        for byte in text:
            if self.in_text:
                self._read_in_text(byte)
            else:
                self._read_outside(byte)

    def _read_in_text(self, byte: int) -> None:
        ends = byte == _QUOTE and not self.in_escape
        if self._key is not None and not ends:
            self._key.append(byte)
        if self.in_escape:
            self.in_escape = False
        elif ends:
            self.in_text = False
            if self._key is not None:
                self._frames[-1].key = json.loads(b'"' + self._key + b'"')
        else:
            self.in_escape = byte == _BACKSLASH
            self._count += _begins_character(byte)

    def _read_outside(self, byte: int) -> None:
        frame = self._frames[-1] if self._frames else None
        match byte:
            case 0x22:
                is_key = frame is not None and frame.is_object and frame.expects_key
                self.in_text, self._count = True, 0
                self._key = bytearray() if is_key else None
                self._least, self._most = (0, None) if is_key else _lengths(self._value_schemas())
            case 0x7B | 0x5B:
                self._frames.append(_Frame(self._value_schemas(), is_object=byte == 0x7B))
            case 0x7D | 0x5D:
                self._frames.pop()
            case 0x3A | 0x2C if frame is not None:
                frame.expects_key = byte == 0x2C

    def _value_schemas(self) -> Sequence[Mapping[str, Any]]:
        """The schemas that may describe the value that begins here."""
        if not self._frames:
            return tuple(_alternatives(self.root, self.root))
        frame = self._frames[-1]
        inner = (_inside(schema, frame.key if frame.is_object else None) for schema in frame.schemas)
        return tuple(found for schema in inner for found in _alternatives(schema, self.root))


def without_lengths(schema: Any) -> Any:
    """``schema`` without the lengths that a TextTracker keeps; those of texts with a pattern or format stay."""
    if isinstance(schema, list):
        return [without_lengths(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    dropped = _LENGTHS if _is_plain_text(schema) else ()
    return {
        name: value if name in _NO_SCHEMAS else without_lengths(value)
        for name, value in schema.items()
        if name not in dropped
    }


def text_length(text: bytes) -> int:
    """Characters in a part of a JSON text; an escape counts as the one it stands for, from its backslash on."""
    count, in_escape = 0, False
    for byte in text:
        count += not in_escape and _begins_character(byte)
        in_escape = not in_escape and byte == _BACKSLASH
    return count


def _begins_character(byte: int) -> bool:
    return byte & 0xC0 != 0x80


def _is_plain_text(schema: Mapping[str, Any]) -> bool:
    return schema.get("type") in ("string", ["string", "null"]) and not {"pattern", "format", "enum"} & schema.keys()


def _lengths(schemas: Sequence[Mapping[str, Any]]) -> tuple[int, int | None]:
    """The loosest limits of those among ``schemas`` that describe a text."""
    texts = [schema for schema in schemas if _is_plain_text(schema)]
    most = [schema.get("maxLength") for schema in texts]
    least = min((schema.get("minLength", 0) for schema in texts), default=0)
    known = [limit for limit in most if isinstance(limit, int)]
    return (least if isinstance(least, int) else 0), (max(known) if known and len(known) == len(most) else None)


def _inside(schema: Mapping[str, Any], key: str | None) -> object:
    """The schema of the value under ``key`` of an object, or of an array's items."""
    if key is None:
        return schema.get("items")
    properties = schema.get("properties")
    known = properties.get(key) if isinstance(properties, dict) else None
    return schema.get("additionalProperties") if known is None else known


def _alternatives(schema: object, root: Mapping[str, Any], references: int = 0) -> Iterator[Mapping[str, Any]]:
    """``schema`` with its references followed and its unions opened."""
    if not isinstance(schema, dict) or references > _MAX_REFERENCES:
        return
    yield schema
    if isinstance(reference := schema.get("$ref"), str):
        found: object = root
        for part in reference.removeprefix("#").split("/")[1:]:
            found = found.get(part) if isinstance(found, dict) else None
        yield from _alternatives(found, root, references + 1)
    for name in _UNIONS:
        for option in schema.get(name) or ():
            yield from _alternatives(option, root, references + 1)

"""What is known, in the form that a JSON Schema asks for."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workers.vlm.requests import MAX_SCHEMA_DEPTH, BadPrompt


@dataclass(frozen=True, slots=True)
class Text:
    """A text as sentences, the most telling first: as many are given as fit."""

    sentences: tuple[str, ...]


Known = Text | Sequence[str] | int | float | None
"""None is what nothing is known of. bool is an int."""


def fields_of(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """The fields an answer has. Raises BadPrompt for a schema of anything but an object."""
    whole = _resolved(schema, schema)
    fields = whole.get("properties")
    if whole.get("type", "object") != "object" or not isinstance(fields, dict) or not fields:
        raise BadPrompt("the template model answers with an object of named fields only")
    return fields


def filled(schema: Mapping[str, Any], known: Mapping[str, Known]) -> str:
    """The answer as JSON, its fields in the schema's order.

    Raises BadPrompt for a field that is not ``known`` and for a form that what is known does not fit: nothing is made
    up to fill it.
    """
    fields = fields_of(schema)
    if unknown := sorted(fields.keys() - known.keys()):
        raise BadPrompt(f"the template model knows nothing of {unknown[0]!r:.60}")
    answer = {name: _Fitter(schema, name).fitted(known[name], wanted, 0) for name, wanted in fields.items()}
    return json.dumps(answer, ensure_ascii=False, separators=(",", ":"))


class _Fitter:
    def __init__(self, root: Mapping[str, Any], name: str) -> None:
        self._root = root
        self._name = name

    def fitted(self, value: Known, schema: object, depth: int) -> Any:
        """``value`` as ``schema`` wants it."""
        if not isinstance(schema, dict) or depth > MAX_SCHEMA_DEPTH:
            raise self._wrong("its schema is none, or refers to itself without end")
        if "$ref" in schema:
            return self.fitted(value, _resolved(schema, self._root), depth + 1)
        for choice in ("anyOf", "oneOf"):
            if choice in schema:
                return self._first(value, schema[choice], depth)
        if "const" in schema or "enum" in schema:
            return self._among(value, schema["enum"] if "enum" in schema else [schema["const"]])
        kinds = schema.get("type")
        if isinstance(kinds, list):
            return self._first(value, [{**schema, "type": kind} for kind in kinds], depth)
        return self._of_type(value, kinds, schema)

    def _first(self, value: Known, schemas: object, depth: int) -> Any:
        """Of several forms the first that fits; for what is not known the one that says so."""
        options = schemas if isinstance(schemas, list) else []
        if value is None and {"type": "null"} in options:
            return None
        for option in options:
            try:
                return self.fitted(value, option, depth + 1)
            except BadPrompt:
                continue
        raise self._wrong("none of its forms fits")

    def _among(self, value: Known, allowed: object) -> Any:
        plain = value if isinstance(value, int | float) else None
        for one in allowed if isinstance(allowed, list) else []:
            if plain is not None and isinstance(one, int | float) and one == plain:
                return one
        raise self._wrong("what is seen is none of the values it may have")

    def _of_type(self, value: Known, kind: object, schema: Mapping[str, Any]) -> Any:
        match kind, value:
            case "null", None:
                return None
            case "string", Text() | None:
                return self._text(value.sentences if isinstance(value, Text) else (), schema)
            case "boolean", int():
                return bool(value)
            case "integer", int():
                return self._number(int(value), schema)
            case "number", int() | float():
                return self._number(value, schema)
            case "array", tuple() | list():
                return self._texts(value, schema)
        raise self._wrong("it cannot be given in that form")

    def _text(self, sentences: Sequence[str], schema: Mapping[str, Any]) -> str:
        least, most = _bound(schema, "minLength", 0), _bound(schema, "maxLength", None)
        if "pattern" in schema or "format" in schema:
            raise self._wrong("it cannot be written to a pattern")
        text = " ".join(sentences)
        for count in range(len(sentences), 0, -1):
            text = " ".join(sentences[:count])
            if most is None or len(text) <= most:
                break
        if most is not None and len(text) > most:
            text = _cut(text, most)
        if len(text) < least:
            raise self._wrong(f"no {least} characters are known of it")
        return text

    def _texts(self, values: Sequence[str], schema: Mapping[str, Any]) -> list[str]:
        items = schema.get("items", {})
        if not isinstance(items, dict) or items.get("type", "string") != "string" or items.keys() & {"enum", "pattern"}:
            raise self._wrong("a list of words cannot be given in that form")
        longest = _bound(items, "maxLength", None)
        least, most = _bound(schema, "minItems", 0), _bound(schema, "maxItems", None)
        fitting = [value for value in values if longest is None or len(value) <= longest][:most]
        if len(fitting) < least:
            raise self._wrong(f"no {least} words are known of it")
        return fitting

    def _number(self, value: float, schema: Mapping[str, Any]) -> float:
        if value < _bound(schema, "minimum", value) or value > _bound(schema, "maximum", value):
            raise self._wrong("what is seen is outside of its limits")
        return value

    def _wrong(self, why: str) -> BadPrompt:
        return BadPrompt(f"the template model cannot answer {self._name!r:.60}: {why}")


def _resolved(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a ``$ref`` within the schema refers to; any other schema is itself."""
    reference = schema.get("$ref")
    if reference is None:
        return schema
    value: object = root
    for part in str(reference).removeprefix("#/").split("/"):
        value = value.get(part) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def _bound(schema: Mapping[str, Any], name: str, otherwise: Any) -> Any:
    value = schema.get(name, otherwise)
    if value is not otherwise and (not isinstance(value, int | float) or isinstance(value, bool)):
        raise BadPrompt(f"{name} of the schema is no number")
    return value


def _cut(text: str, most: int) -> str:
    """At most ``most`` characters, cut between words where that leaves any."""
    cut = text[: most + 1].rpartition(" ")[0] or text[:most]
    return cut.rstrip(" ,;:")[:most] or text[:most]

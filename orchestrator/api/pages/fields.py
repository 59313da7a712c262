"""The fields of a JSON Schema as tables."""

from collections.abc import Collection, Iterator, Mapping
from html import escape
from typing import Any

from orchestrator.api.pages.text import inline

Schema = Mapping[str, Any]


def field_tables(schema: Schema, components: Schema, *, asked: bool = True) -> str:
    """One table for the schema's own fields, and one for each kind of object inside it. What is ``asked`` of the client
    says which fields are required; an answer has them all."""
    tables: list[str] = []
    ahead, seen = [("", schema)], set()
    while ahead:
        title, current = ahead.pop(0)
        current = resolved(current, components)
        if not current.get("properties") or title in seen:
            continue
        seen.add(title)
        caption = f"<caption><code>{escape(title)}</code></caption>" if title else ""
        required = current.get("required", ()) if asked else ()
        tables.append(_table(caption, current, components, required))
        ahead += [(name, found) for field in current["properties"].values() for name, found in _objects(field)]
        ahead = [(name, components.get(name, found)) for name, found in ahead]
    return "".join(tables)


def resolved(schema: Schema, components: Schema) -> Schema:
    """The schema that a reference means."""
    name = _name(schema)
    return components[name] if name else schema


def type_text(schema: Schema) -> str:
    """A schema's type in a few words."""
    if name := _name(schema):
        return name
    if options := schema.get("anyOf"):
        return " or ".join(dict.fromkeys(type_text(option) for option in options))
    if "enum" in schema:
        return " | ".join(f'"{value}"' for value in schema["enum"])
    if "const" in schema:
        return f'"{schema["const"]}"'
    if schema.get("type") == "array":
        return f"list of {type_text(schema.get('items', {}))}"
    if schema.get("type") == "object" and isinstance(schema.get("additionalProperties"), Mapping):
        return f"object of {type_text(schema['additionalProperties'])}"
    return str(schema.get("type", "anything")) + _bounds(schema)


def _bounds(schema: Schema) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and high is not None:
        return f" {low} to {high}"
    longest = schema.get("maxLength")
    return f" of at most {longest} characters" if longest is not None else ""


def _table(caption: str, schema: Schema, components: Schema, required: Collection[str]) -> str:
    rows = "".join(
        row(name, type_text(field), _about(field, components), needed=name in required)
        for name, field in schema["properties"].items()
    )
    return f'<div class="scroll"><table>{caption}<tbody>{rows}</tbody></table></div>'


def row(name: str, kind: str, about: str, *, needed: bool) -> str:
    """One field."""
    mark = '<span class="needed">required</span>' if needed else ""
    return (
        f'<tr><th scope="row"><code>{escape(name)}</code>{mark}</th>'
        f'<td><span class="type">{escape(kind)}</span>{inline(about)}</td></tr>'
    )


def _about(field: Schema, components: Schema) -> str:
    text = str(field.get("description") or resolved(field, components).get("description") or "")
    default = field.get("default")
    return text + (f" Default: `{str(default).lower()}`." if default not in (None, (), []) else "")


def _objects(schema: Schema) -> Iterator[tuple[str, Schema]]:
    """The named objects directly inside a field."""
    if name := _name(schema):
        yield name, schema
    for inner in (*schema.get("anyOf", ()), schema.get("items") or {}):
        if inner:
            yield from _objects(inner)


def _name(schema: Schema) -> str:
    return str(schema.get("$ref", "")).rpartition("/")[2]

"""Frozen values that come in as JSON: unknown fields are refused, null leaves an optional field out."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

# A model that is strict as a whole would take no JSON array for a tuple.
Flag = Annotated[bool, Field(strict=True)]
Whole = Annotated[int, Field(strict=True)]
Number = Annotated[float, Field(strict=True)]

REMEDIES: Mapping[str, str] = {
    "missing": "is missing; add it",
    "bool_type": "must be true or false (in JSON without quotes)",
    "int_type": "must be a whole number (in JSON without quotes)",
    "float_type": "must be a number (in JSON without quotes)",
}
"""What a publisher is told instead of pydantic's word for a problem, by its type."""


class Value(BaseModel):
    """A frozen value that refuses unknown fields: a misspelt one must not pass for a default.

    NaN and infinity are refused too: JSON cannot carry them on to the next queue. ``null`` leaves an optional field
    out: the encoders of many languages write it for whatever is not set.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _leave_out_nulls(cls, fields: Any) -> Any:
        if not isinstance(fields, dict) or None not in fields.values():
            return fields
        optional = {name for name, field in cls.__pydantic_fields__.items() if not field.is_required()}
        aliases = {cls.__pydantic_fields__[name].alias for name in optional}
        return {name: value for name, value in fields.items() if value is not None or name not in optional | aliases}

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        schema = handler(core_schema)
        own = handler.resolve_ref_schema(schema)
        for name, field in own.get("properties", {}).items():
            if name not in own.get("required", []):
                own["properties"][name] = _or_null(field)
        return schema


def json_types(model: type[BaseModel]) -> dict[str, str]:
    """The JSON type of each field by its name in JSON; empty for a field that may have several, or null alone."""
    fields: Mapping[str, JsonSchemaValue] = model.model_json_schema(by_alias=True)["properties"]
    return {name: _json_type(field) for name, field in fields.items()}


def _json_type(schema: JsonSchemaValue) -> str:
    found = {option.get("type", "") for option in schema.get("anyOf", [schema])} - {"null"}
    return str(found.pop()) if len(found) == 1 else ""


def _or_null(schema: JsonSchemaValue) -> JsonSchemaValue:
    """The schema of the same field that may be null."""
    options = schema.get("anyOf", [])
    if {"type": "null"} in options:
        return schema
    about: dict[str, Any] = {key: schema[key] for key in ("title", "description", "default") if key in schema}
    inner = {key: value for key, value in schema.items() if key not in about}
    return {"anyOf": [inner, {"type": "null"}], **about}

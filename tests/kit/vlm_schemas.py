"""Answer schemas of the five kinds of question that are asked about a picture."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

_DESCRIPTION = {"type": "string", "minLength": 1, "maxLength": 300}
_ALT_TEXT = {"type": "string", "minLength": 1, "maxLength": 160}
_TAGS = {"type": "array", "items": {"type": "string", "minLength": 1, "maxLength": 40}, "minItems": 2, "maxItems": 8}
_CAT_MATCH = {"enum": [0, 1]}


def _object(**properties: object) -> Mapping[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


_VISION = {"description": _DESCRIPTION, "alt_text": _ALT_TEXT, "tags": _TAGS}
SCHEMAS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "description": _object(description=_DESCRIPTION),
        "vision_json": _object(**_VISION),
        "vision_json_cat": _object(**_VISION, cat_match=_CAT_MATCH),
        "cat": _object(cat_match=_CAT_MATCH),
        "full_details": _object(
            **_VISION,
            people={"type": "boolean"},
            items={"type": "array", "items": {"type": "string", "maxLength": 40}, "maxItems": 10},
            readable_text={"anyOf": [{"type": "string", "maxLength": 200}, {"type": "null"}]},
            blur={"type": "boolean"},
            nudity={"type": "number", "minimum": 0, "maximum": 1},
        ),
    }
)

"""The model without weights. It cannot see what a picture shows, and everything it writes says so."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from PIL import Image

from workers.vlm.requests import MAX_SCHEMA_DEPTH, BadPrompt, GenerateRequest, GenerateResult, check_request

_COLOURS: Mapping[str, tuple[int, int, int]] = MappingProxyType(
    {
        "black": (0, 0, 0),
        "white": (255, 255, 255),
        "grey": (128, 128, 128),
        "red": (200, 30, 30),
        "orange": (240, 140, 30),
        "yellow": (240, 220, 60),
        "green": (50, 150, 60),
        "blue": (50, 90, 200),
        "purple": (130, 50, 150),
        "pink": (240, 160, 190),
        "brown": (120, 75, 40),
    }
)
_GRID = 16


@dataclass(frozen=True, slots=True)
class Impression:
    """What the pixels alone say."""

    orientation: str
    colour: str
    brightness: str

    @property
    def sentence(self) -> str:
        """For every text of an answer."""
        return (
            f"Placeholder by the dummy model: {self.orientation} picture, "
            f"mostly {self.colour}, {self.brightness}; its content was not looked at."
        )

    @property
    def words(self) -> tuple[str, ...]:
        """For every list of texts of an answer."""
        return (self.orientation, self.colour, self.brightness, "placeholder", "dummy")


class Dummy:
    """Fills a schema with an Impression: no judgement, every number as near to 0 as it may be."""

    name = "dummy"
    weights = "none"

    def generate(self, batch: Sequence[GenerateRequest]) -> list[GenerateResult | Exception]:
        """One result per item, in order; BadPrompt for an item that cannot be asked. The prompt changes nothing."""
        return [_answer(item) for item in batch]


def impression(image: Image.Image) -> Impression:
    """The orientation, the name of the commonest colour, and the mean brightness of an RGB picture."""
    width, height = image.size
    orientation = "landscape" if width > height else "portrait" if width < height else "square"
    small = image.resize((_GRID, _GRID), Image.Resampling.BOX)
    data = small.tobytes()
    names = Counter(_nearest_colour(data[at : at + 3]) for at in range(0, len(data), 3))
    most = max(names.values())
    colour = next(name for name in _COLOURS if names[name] == most)
    luma = small.convert("L").tobytes()
    mean = sum(luma) / len(luma)
    return Impression(orientation, colour, "dark" if mean < 85 else "medium" if mean < 170 else "bright")


def _answer(item: GenerateRequest) -> GenerateResult | Exception:
    try:
        schema = check_request(item)
        seen = impression(Image.frombytes("RGB", (item.width, item.height), item.image))
        value = _Filler(schema, seen).value(schema, 0)
    except BadPrompt as error:
        return error
    return GenerateResult(json.dumps(value, ensure_ascii=False, separators=(",", ":")), "stop")


def _nearest_colour(pixel: bytes) -> str:
    def distance(name: str) -> int:
        return sum((one - other) ** 2 for one, other in zip(pixel, _COLOURS[name], strict=True))

    return min(_COLOURS, key=distance)


class _Filler:
    """Walks the part of JSON Schema that says what a value is made of. Raises BadPrompt for what it does not know."""

    def __init__(self, root: Mapping[str, Any], seen: Impression) -> None:
        self._root = root
        self._seen = seen

    def value(self, schema: object, depth: int) -> Any:
        """A value that fits ``schema``."""
        if not isinstance(schema, dict) or depth > MAX_SCHEMA_DEPTH:
            raise BadPrompt("the schema is no schema, or refers to itself without end")
        if "const" in schema:
            return schema["const"]
        for name in ("enum", "anyOf", "oneOf"):
            if name in schema:
                if not isinstance(schema[name], list) or not schema[name]:
                    raise BadPrompt(f"{name} of the schema is no list of anything")
                return schema["enum"][0] if name == "enum" else self.value(schema[name][0], depth + 1)
        if "$ref" in schema:
            return self.value(self._referred(schema["$ref"]), depth + 1)
        return self._of_type(schema, depth)

    def _of_type(self, schema: dict[str, Any], depth: int) -> Any:
        kind = schema.get("type", "object" if "properties" in schema else None)
        match kind[0] if isinstance(kind, list) and kind else kind:
            case "object":
                return self._object(schema, depth)
            case "array":
                return self._array(schema, depth)
            case "string":
                return _fitted(self._seen.sentence, schema)
            case "integer" | "number":
                return _nearest_to_zero(schema)
            case "boolean":
                return False
            case "null":
                return None
            case other:
                raise BadPrompt(f"the dummy model cannot write the type {other!r:.100}")

    def _object(self, schema: dict[str, Any], depth: int) -> dict[str, Any]:
        properties = schema.get("properties", {})
        if not isinstance(properties, dict):
            raise BadPrompt("properties of the schema is no object")
        return {name: self.value(inner, depth + 1) for name, inner in properties.items()}

    def _array(self, schema: dict[str, Any], depth: int) -> list[Any]:
        items, least, most = schema.get("items", {}), _count(schema, "minItems", 0), _count(schema, "maxItems", 8)
        if not isinstance(items, dict) or items.get("type") != "string" or "enum" in items:
            return [self.value(items, depth + 1) for _ in range(least)]
        more = tuple(f"picture {number}" for number in range(1, least + 1))
        words = (self._seen.words + more)[: max(least, min(most, len(self._seen.words)))]
        return [_fitted(word, items) for word in words]

    def _referred(self, reference: object) -> object:
        value: object = self._root
        for part in str(reference).removeprefix("#/").split("/"):
            value = value.get(part) if isinstance(value, dict) else None
        return value


def _fitted(text: str, schema: Mapping[str, Any]) -> str:
    """``text`` no longer and no shorter than ``schema`` says. Raises BadPrompt for texts of a special form."""
    if "pattern" in schema or "format" in schema:
        raise BadPrompt("the dummy model cannot write texts of a pattern or format")
    shortest = _count(schema, "minLength", 0)
    return (text + "." * (shortest - len(text)))[: max(shortest, _count(schema, "maxLength", len(text)))]


def _count(schema: Mapping[str, Any], name: str, otherwise: int) -> int:
    value = schema.get(name, otherwise)
    if not isinstance(value, int):
        raise BadPrompt(f"{name} of the schema is no whole number")
    return value


def _nearest_to_zero(schema: Mapping[str, Any]) -> int | float:
    low, high = schema.get("minimum", 0), schema.get("maximum", 0)
    if not isinstance(low, int | float) or not isinstance(high, int | float):
        raise BadPrompt("minimum or maximum of the schema is no number")
    return low if low > 0 else min(high, 0)

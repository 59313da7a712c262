"""What the recipes learn of a picture of the demo world besides its pixels, and as a line of a file."""

import dataclasses
import json
from dataclasses import dataclass
from typing import Any

from PIL import Image

from workers.training.world.scene import placed_scene
from workers.training.world.truth import Split, Truth


@dataclass(frozen=True, slots=True)
class Place:
    """Where a thing is: left, top, right, bottom as shares of the picture's sides."""

    name: str
    box: tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Known:
    """What is true of a picture, and where its things are."""

    truth: Truth
    places: tuple[Place, ...]


def drawn(split: Split, index: int) -> tuple[Image.Image, Known]:
    """A picture and what is known of it. Raises FileNotFoundError, naming the Debian package, without its font."""
    shown, places = placed_scene(split, index)
    return shown.picture, Known(shown.truth, tuple(Place(name, box) for name, box in places))


def line_of(known: Known) -> bytes:
    """One line of JSON, its end included."""
    return json.dumps(dataclasses.asdict(known), ensure_ascii=False).encode() + b"\n"


def known_in(line: bytes) -> Known:
    """What ``line_of`` made into a line."""
    record: dict[str, Any] = json.loads(line)
    places = tuple(Place(one["name"], tuple(one["box"])) for one in record["places"])
    return Known(Truth(**{key: _frozen(value) for key, value in record["truth"].items()}), places)


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value

"""What is true of a drawn picture: what recipes learn from and figures are measured against."""

from dataclasses import dataclass
from enum import Enum

from PIL import Image


class Split(Enum):
    """Which set a picture belongs to. Sets share neither layouts nor variants of an object."""

    TRAIN = "train"
    VALIDATION = "validation"
    HELD_OUT = "held_out"


@dataclass(frozen=True, slots=True)
class Truth:
    """``category`` is the kind of business ("bakery"), ``view`` one of exterior, interior, counter, product;
    ``objects`` are what is drawn, by plain English names, the most prominent first; ``tags`` 2 to 8 short keywords;
    ``alt_text`` one short sentence, ``caption`` one to three for somebody who cannot see it; ``text`` what can be read,
    line by line; ``defects`` what a camera or a sender did to it: blur, noise, dark, jpeg, watermark, screenshot.
    """

    category: str
    view: str
    objects: tuple[str, ...]
    tags: tuple[str, ...]
    alt_text: str
    caption: str
    text: tuple[str, ...]
    defects: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Scene:
    """A picture, RGB, and its truth."""

    picture: Image.Image
    truth: Truth

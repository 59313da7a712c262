"""An original as the fixed square of pixels that a model looks at. Runs in decoder processes."""

from dataclasses import dataclass, field
from typing import Literal

from PIL import Image

from workers.images.content import in_detail, read_content
from workers.images.phash import phash
from workers.wire import ContentReply

FilterName = Literal["bicubic", "bilinear"]
_FILTERS = {"bicubic": Image.Resampling.BICUBIC, "bilinear": Image.Resampling.BILINEAR}


@dataclass(frozen=True, slots=True)
class Framing:
    """How a picture becomes a square of ``side`` pixels: "crop" scales the shorter side to it and keeps the middle,
    "squash" scales each side to it."""

    side: int
    how: Literal["crop", "squash"]
    resampling: FilterName = "bicubic"


@dataclass(frozen=True, slots=True)
class PreprocessedImage:
    """One item of a batch: what the picture is, and its square as RGB, 8 bits a channel, row by row."""

    content: ContentReply
    pixels: bytes = field(repr=False)


def preprocess(body: bytes, framing: Framing, max_pixels: int) -> tuple[ContentReply, bytes]:
    """What ``body`` is, and its square as RGB; transparent parts are seen on white. Raises Refused."""
    glance, content = read_content(body, max_pixels)
    image = in_detail(glance, content, body, framing.side)
    scale = round(content.width / image.width)
    return content, crop_to_square(image, framing, (content.width / scale, content.height / scale)).tobytes()


def preprocess_image(image: Image.Image, framing: Framing) -> PreprocessedImage:
    """The same of a plain picture that came in no file."""
    content = ContentReply(phash=phash(image), width=image.width, height=image.height, format="png")
    return PreprocessedImage(content, crop_to_square(image, framing).tobytes())


def crop_to_square(image: Image.Image, framing: Framing, shown: tuple[float, float] | None = None) -> Image.Image:
    """The square of a plain picture (L, RGB, RGBA), as RGB.

    ``shown`` is how much of ``image``, from its upper left corner, is the picture; all of it if None. A JPEG at an
    eighth of its size ends with a fraction of a pixel. (Of one that was turned upright the fraction may be at the
    other end: the square is then off by less than half of its pixels' width.)

    The same pixels as torchvision's Resize(side), CenterCrop(side) but for two grey levels of rounding. The crop is
    made first: a strip of 50,000 x 1 pixels would otherwise be scaled to eleven million columns.
    """
    side = framing.side
    width, height = shown or image.size
    box = _middle(width, height, side) if framing.how == "crop" else (0, 0, width, height)
    square = image.resize((side, side), _FILTERS[framing.resampling], box=box)
    if square.mode == "RGBA":
        square = Image.alpha_composite(Image.new("RGBA", square.size, "white"), square)
    return square.convert("RGB")


def _middle(width: float, height: float, side: int) -> tuple[float, float, float, float]:
    """What becomes the square, in pixels of the source."""
    short, long = sorted((width, height))
    scaled = int(side * long / short)
    start = round((scaled - side) / 2)
    near, far = start * long / scaled, min((start + side) * long / scaled, long)
    return (near, 0, far, height) if width >= height else (0, near, width, far)

"""What a camera or a sender did to a picture, as probabilities: what a clip model cannot see at its size."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from PIL import Image

from workers.clip.framing import Framing, framed
from workers.clip.measures import MIDDLE, block_steps, blur_px, lightness, middle, noise_levels
from workers.clip.model import Judgement
from workers.content import in_detail, read_content
from workers.imaging import decode_grey
from workers.wire import ContentReply

FLAGGED_FROM = 0.5
_BLOCK = 8
_LEAST_PERIOD = 4
_SCALED_FROM = 2 * MIDDLE
"""Pixels. The decoder halves a JPEG of more than twice this both ways: nobody looks at that one pixel by pixel."""

Defects = Mapping[str, float]
"""By the name of a flag (blur, noise, dark, jpeg), how likely it is, 0 to 1."""
NONE: Defects = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Curve:
    """From a measure to a probability: one half at ``middle``, and the steeper the smaller ``width`` is; a negative
    one falls.

    Source: J. Platt, "Probabilistic outputs for support vector machines" (1999), equation 2.
    """

    middle: float
    width: float

    def __call__(self, value: float) -> float:
        """The probability."""
        return 0.5 * (1 + math.tanh((value - self.middle) / (2 * self.width)))


CURVES: Mapping[str, Curve] = MappingProxyType(
    {
        "blur": Curve(1.15, 0.13),
        "noise": Curve(6.2, 1.0),
        "dark": Curve(71.0, -6.9),
        "jpeg": Curve(2.9, 0.41),
    }
)
"""Fitted by ``python -m workers.training.clip.defects``, which says on what and how well they tell."""


def inspect_picture(body: bytes, framing: Framing, max_pixels: int) -> tuple[tuple[ContentReply, Defects], bytes]:
    """What ``body`` is and its defects, and its square as ``frame_picture`` gives it. Runs in decoder processes.

    What was decoded at less than its size for the square is decoded a second time, in grey. Raises Refused.
    """
    glance, content = read_content(body, max_pixels)
    image = in_detail(glance, content, body, framing.side)
    whole = image.size == (content.width, content.height)
    grey = _in_grey(image) if whole else decode_grey(body, max_pixels, _SCALED_FROM).image
    period = round(_BLOCK * grey.width / content.width)
    return (content, defects_of(grey, period)), framed(image, framing).tobytes()


def defects_of(image: Image.Image, period: int = _BLOCK) -> Defects:
    """The defects of a grey picture whose codec's blocks, if it had any, are ``period`` pixels wide by now."""
    return {name: round(CURVES[name](value), 4) for name, value in measured(image, period).items()}


def measured(image: Image.Image, period: int = _BLOCK) -> Mapping[str, float]:
    """The measures behind the probabilities, by the same names."""
    part = middle(image)
    return {
        "blur": blur_px(image),
        "noise": noise_levels(part),
        "dark": lightness(image),
        "jpeg": block_steps(part, period) if period >= _LEAST_PERIOD else 0.0,
    }


def judged_with(judgement: Judgement, defects: Defects) -> Judgement:
    """``judgement`` by what was measured too: of a flag that can be measured the measure alone decides, and quality is
    also that no defect is there, each taken as independent of the others."""
    flags = [name for name in judgement.flags if name not in defects]
    flags += [name for name, share in defects.items() if share >= FLAGGED_FROM]
    quality = judgement.quality * math.prod(1 - share for share in defects.values())
    return replace(judgement, flags=tuple(flags), quality=round(quality, 4))


def _in_grey(image: Image.Image) -> Image.Image:
    """A plain picture in grey, seen on white."""
    if image.mode == "RGBA":
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("L")

"""What a camera or a sender did to a picture, as probabilities: what a clip model cannot see at its size."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
from PIL import Image

from workers.clip.compression import UNTOUCHED, quality_of_file, quality_of_pixels
from workers.clip.measures import MIDDLE, blur_px, lightness, middle, noise_levels, plain_rows
from workers.clip.model import Judgement
from workers.clip.preprocessing import Framing, crop_to_square
from workers.images.codecs import decode_grey
from workers.images.content import in_detail, read_content
from workers.wire import ContentReply

FLAGGED_FROM = 0.5
_SCALED_FROM = 2 * MIDDLE
"""Pixels. The decoder halves a JPEG of more than twice this both ways: nobody looks at that one pixel by pixel."""

Defects = Mapping[str, float]
"""By the name of a flag (blur, noise, dark, jpeg, screenshot), how likely it is, 0 to 1."""
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
        "jpeg": Curve(38.0, -3.0),
        "screenshot": Curve(0.09, 0.02),
    }
)
"""``python -m workers.training.clip.defects`` fits those of blur, noise and dark, and says on what and how well all of
them tell. That of jpeg is set: at a quality of 30 one sees the blocks, at 50 one has to look for them. That of
screenshot lies between rows of one level in a photograph, which has none, and those in the bars of a screen."""
CONFIRMED = frozenset({"screenshot"})
"""What pixels can only confirm, as a menu has plain rows too: the model has to say so as well."""


def inspect_picture(body: bytes, framing: Framing, max_pixels: int) -> tuple[tuple[ContentReply, Defects], bytes]:
    """What ``body`` is and its defects, and its square as ``preprocess`` gives it. Runs in decoder processes.

    What was decoded at less than its size for the square is decoded a second time, in grey. Raises Refused.
    """
    glance, content = read_content(body, max_pixels)
    image = in_detail(glance, content, body, framing.side)
    whole = image.size == (content.width, content.height)
    grey = _in_grey(image) if whole else decode_grey(body, max_pixels, _SCALED_FROM).image
    known = quality_of_file(body) if content.format == "jpeg" else UNTOUCHED
    defects = defects_of(grey, known, full_size=grey.size == (content.width, content.height))
    return (content, defects), crop_to_square(image, framing).tobytes()


def defects_of(image: Image.Image, known_quality: float = UNTOUCHED, full_size: bool = True) -> Defects:
    """The defects of a grey picture. ``known_quality`` is what its file says of its compression; one that was not
    decoded at its ``full_size`` has lost the blocks of any earlier compression."""
    found = measured(image, known_quality, full_size)
    return {name: round(CURVES[name](value), 4) for name, value in found.items()}


def measured(image: Image.Image, known_quality: float = UNTOUCHED, full_size: bool = True) -> Mapping[str, float]:
    """The measures behind the probabilities, by the same names."""
    seen_quality = quality_of_pixels(np.asarray(image, np.float32)) if full_size else UNTOUCHED
    return {
        "blur": blur_px(image),
        "noise": noise_levels(middle(image)),
        "dark": lightness(image),
        "jpeg": min(known_quality, seen_quality),
        "screenshot": plain_rows(image),
    }


def judged_with(judgement: Judgement, defects: Defects) -> Judgement:
    """``judgement`` by what was measured too: of a flag that can be measured the measure alone decides, of those in
    CONFIRMED both must say so. Quality is also that no defect is there, each taken as independent of the others. A
    class that says the same as a flag falls with it: what is most likely otherwise takes its place."""
    measured_alone = {name: share for name, share in defects.items() if name not in CONFIRMED}
    raised = [name for name, share in defects.items() if share >= FLAGGED_FROM]
    flags = [name for name in judgement.flags if name not in defects or (name in CONFIRMED and name in raised)]
    flags += [name for name in raised if name in measured_alone]
    quality = judgement.quality * math.prod(1 - share for share in measured_alone.values())
    judgement = replace(judgement, flags=tuple(flags), quality=round(quality, 4))
    if judgement.otherwise is None or judgement.image_class in flags:
        return judgement
    image_class, showable = judgement.otherwise
    return replace(judgement, image_class=image_class, class_valid=showable, otherwise=None)


def _in_grey(image: Image.Image) -> Image.Image:
    """A plain picture in grey, seen on white."""
    if image.mode == "RGBA":
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("L")

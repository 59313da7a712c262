"""Plain pixels as the three colours that a network takes, and back."""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from workers.enhance.network import Bytes
from workers.images.codecs import Pixels


@dataclass(frozen=True, slots=True)
class Planes:
    """``colour`` (height, width, 3) is what the network sees; ``alpha`` goes beside it; ``mode`` is to be again."""

    colour: Bytes
    alpha: Image.Image | None
    mode: str


def split(pixels: Pixels) -> Planes:
    """Grey becomes three equal colours. Colours under full transparency, which no one sees and files fill with
    anything, are replaced by those of the visible neighbourhood: a network would smear them over the edges."""
    image = pixels.image()
    if image.mode != "RGBA":
        return Planes(np.asarray(image.convert("RGB")), None, image.mode)
    alpha = image.getchannel("A")
    return Planes(np.asarray(_bled(image).convert("RGB")), alpha, image.mode)


def join(planes: Planes, better: Bytes, width: int, height: int) -> Pixels:
    """``better``, the enlarged colours, at ``width`` x ``height`` and in the mode of the original.

    The last step to the exact size and the alpha channel are Lanczos. The colours were never multiplied by alpha, so
    nothing is divided by it and edges do not fringe.
    """
    image = Image.fromarray(better)
    if planes.mode == "L":
        image = image.convert("L")
    if image.size != (width, height):
        image = image.resize((width, height), Image.Resampling.LANCZOS)
    if planes.alpha is not None:
        image.putalpha(planes.alpha.resize((width, height), Image.Resampling.LANCZOS))
    return Pixels.of(image)


def _bled(image: Image.Image) -> Image.Image:
    """``image`` (RGBA) with a colour where it had none: that of ever larger neighbourhoods, weighted by alpha.

    Pillow multiplies by alpha before it resizes and divides afterwards, so the mean of a neighbourhood is of what is
    visible in it.
    """
    alpha = np.asarray(image.getchannel("A"))
    if alpha.all() or not alpha.any():
        return image
    half = (max(1, image.width // 2), max(1, image.height // 2))
    wider = _bled(image.resize(half, Image.Resampling.BOX)).convert("RGB")
    filled = wider.resize(image.size, Image.Resampling.BILINEAR).convert("RGBA")
    hidden = image.getchannel("A").point([255] + [0] * 255)
    return Image.composite(filled, image, hidden)

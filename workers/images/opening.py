"""A file of any supported format as an open Pillow image, its size known and nothing decoded; then its pixels.

Runs in decoder processes, on hostile bytes: whatever Pillow and the codecs raise comes out as it is.
"""

import io

from PIL import Image, ImageFile

from workers.errors import Refused
from workers.images.heif import open_avif, open_heif
from workers.images.jpeg_layout import Layout, layout_of
from workers.images.jpeg_loading import load_whole
from workers.images.png_chunks import needed_chunks
from workers.images.sniffing import PictureFormat, has_track

_ANIMATED = ("png", "webp", "avif")
_TRIED_FRAMES = 16
"""Frames of an animation that are looked at for one that shows something."""


class Opened:
    """One file. ``size`` is as stored, before it is turned; ``animated``: it shows more than one frame in time."""

    def __init__(self, body: bytes, image_format: PictureFormat) -> None:
        self._layout: Layout | None = layout_of(body) if image_format == "jpeg" else None
        frame = self._layout.frame if self._layout else None
        if frame is not None and frame.unusual:
            raise Refused("unsupported_format", f"{frame.unusual} is not supported; send a baseline or progressive one")
        self.image = _opened(body, image_format)
        self.size = self.image.size
        frames = getattr(self.image, "n_frames", 1)
        self._frames = range(self._first, frames) if image_format in _ANIMATED else range(0)
        self.animated = len(self._frames) > 1 or (image_format == "heif" and has_track(body))

    @property
    def _first(self) -> int:
        """The first frame that is shown: a PNG may have a still before it, for those that know no animation."""
        return 1 if getattr(self.image, "default_image", False) else 0

    def load(self) -> Image.Image:
        """The picture, or that frame of an animation which stands for it: the first that is not blank."""
        if self._layout is not None:
            load_whole(self.image, self._layout)
            return self.image
        if self._frames:
            self._seek_to_content()
        return self.image.copy()  # one without a file behind it, which later steps would turn to again

    def _seek_to_content(self) -> None:
        for number in self._frames[:_TRIED_FRAMES]:
            self.image.seek(number)
            self.image.load()
            if not (self.animated and _is_blank(self.image)):
                return
        self.image.seek(self._first)


def _opened(body: bytes, image_format: PictureFormat) -> ImageFile.ImageFile:
    if image_format == "heif":
        return open_heif(body)
    if image_format == "avif":
        return open_avif(body)
    data = needed_chunks(body) if image_format == "png" else body
    image = Image.open(io.BytesIO(data), formats=(image_format,))
    # Fed in parts, the decoder of JPEG begins the row that it broke off in anew each time.
    image.decodermaxblock = max(len(data), image.decodermaxblock)
    return image


def _is_blank(image: Image.Image) -> bool:
    """Whether nothing can be seen: all of it transparent, or of one colour."""
    if image.has_transparency_data and image.convert("RGBA").getchannel("A").getextrema()[1] == 0:
        return True
    return all(channel.getextrema()[0] == channel.getextrema()[1] for channel in image.convert("RGB").split())

"""JPEG through Pillow's decoder, but nothing that is only half there passes as whole.

Where the coded data of a scan ends too early, libjpeg goes on with zeros (grey, or the last colour) as soon as a marker
follows, and Pillow hides its warning. Without a marker it waits for more instead. So it is fed scan by scan, each one
without the marker behind it but with a few stuffed bytes that no coded data looks like: a decoder that is through with
the scan skips each of them at once, one that is not keeps some back. Every byte is still decoded once only.
"""

from typing import Any

from PIL import Image, ImageFile

from workers.errors import Refused
from workers.images.jpeg_layout import Layout, Scan

_CODEC = "jpeg_scan_by_scan"
_STUFFED = b"\xff\x00"
"""A byte of ones. No Huffman code is all ones, so that two blocks at most are made of sixteen of them."""
_AHEAD = 16
"""Stuffed bytes behind a scan: libjpeg reads eight ahead before it takes the last block."""
_WATCHED = 24
"""More of them, one by one: of so many, a decoder that still waits for coded data keeps some back."""
_END_MARK = b"\xff\xd9"


def load_whole(image: ImageFile.ImageFile, layout: Layout) -> None:
    """Load an opened JPEG, drafted or not, with all of its file at hand. Raises Refused (truncated, corrupt) when a
    scan is less than it should be, and whatever Pillow raises."""
    if layout.scans and not (layout.one_scan or layout.complete):
        raise Refused("truncated", "the last scans of the progressive JPEG are missing")
    if layout.scans:
        Image.register_decoder(_CODEC, _ScanByScan)
        image.tile = [_scan_by_scan(tile, layout) for tile in image.tile]
    image.load()


def _scan_by_scan(tile: Any, layout: Layout) -> Any:
    return tile._replace(codec_name=_CODEC, args=(layout, *tile.args))


class _ScanByScan(ImageFile.PyDecoder):
    """Pillow's JPEG decoder behind a feeder. ``args`` are the layout, then Pillow's own ones."""

    def decode(self, buffer: Any) -> tuple[int, int]:
        """The whole file, at once. Raises Refused."""
        layout: Layout = self.args[0]
        if self.im is None:
            raise ValueError("there is no picture to decode into")
        decoder = Image._getdecoder(self.mode, "jpeg", self.args[1:])
        decoder.setimage(self.im, self.state.extents())
        feeder = _Feeder(decoder)
        body, start = bytes(buffer), 0
        for number, scan in enumerate(layout.scans, 1):
            feeder.feed(body[start : scan.end] + _STUFFED * _AHEAD)  # at once: what it broke off in is begun anew
            start = scan.end
            if feeder.is_through(scan, alone=layout.one_scan):
                continue
            if feeder.error or number < len(layout.scans):
                raise Refused("corrupt", f"the jpeg cannot be decoded: scan {number} is not what its header says")
            raise Refused("truncated", "the coded data ends before the picture does")
        feeder.feed(_END_MARK)
        return -1, feeder.error


class _Feeder:
    """Feeds a decoder, and keeps what it has not consumed yet."""

    def __init__(self, decoder: Any) -> None:
        self._decoder = decoder
        self._kept = b""
        self._done = False
        self.error = 0

    def feed(self, data: bytes) -> None:
        """Let it decode what it can."""
        if self._done:
            return
        data = self._kept + data
        consumed, self.error = self._decoder.decode(data)
        self._done = consumed < 0
        self._kept = b"" if self._done else data[consumed:]

    def is_through(self, scan: Scan, *, alone: bool) -> bool:
        """Whether it has all of ``scan``, which it was fed with what it wants ahead; ``alone`` says that there is no
        other one."""
        if alone or self._done:
            return self._done and not self.error
        return self._skips() and (scan.next_restart is None or self._skips(scan.next_restart))

    def _skips(self, restart: bytes = b"") -> bool:
        """Whether it keeps nothing back. Between two restarts one that waits for the next skips bytes as well, until
        it is there."""
        self.feed(restart)
        for _ in range(_WATCHED):
            self.feed(_STUFFED)
            if self._kept or self._done:
                return False
        return True

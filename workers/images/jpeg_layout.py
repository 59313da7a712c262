"""Where the scans of a JPEG file lie, and what they are to bring. Pure functions over bytes; nothing is decoded."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from workers.images.sniffing import HOLE_BYTES

_END = 0xD9
_SCAN = 0xDA
_INTERVAL = 0xDD
_ALONE = frozenset({0x01, *range(0xD0, 0xD9)})
"""Markers that no length follows: TEM, the restarts, and the start of an image."""
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_LOSSLESS = frozenset({0xC3, 0xCB})
_HIERARCHICAL = frozenset({0xC5, 0xC6, 0xC7, 0xCD, 0xCE, 0xCF})
_PROGRESSIVE = frozenset({0xC2, 0xCA})
_ARITHMETIC = frozenset({0xC9, 0xCA})
_AFTER_SCAN = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
"""What ends the coded data of a scan: any marker but a restart. (A pattern that begins with one fixed byte is searched
for thirty times as fast as one that does not.)"""
_RESTART = re.compile(rb"\xff[\xd0-\xd7]")
_HIGHEST = 63


@dataclass(frozen=True, slots=True)
class Frame:
    """What the frame header says: the kind of coding, bits a sample, the components by their ids."""

    marker: int
    bits: int
    components: tuple[int, ...]

    @property
    def unusual(self) -> str | None:
        """The name of a kind that no browser shows, or None."""
        if self.marker in _LOSSLESS:
            return "lossless JPEG"
        if self.marker in _HIERARCHICAL:
            return "hierarchical JPEG"
        if self.marker in _ARITHMETIC:
            return "arithmetic-coded JPEG"
        return None if self.bits == 8 else f"JPEG of {self.bits} bits a sample"


@dataclass(frozen=True, slots=True)
class Scan:
    """One scan: its components, the coefficients from ``first`` to ``last``, the lowest bit they have after it, the
    end of its coded data as an offset in the file, and the restart marker that would come next, if there are any."""

    components: tuple[int, ...]
    first: int
    last: int
    low_bit: int
    end: int
    next_restart: bytes | None = None


@dataclass(frozen=True, slots=True)
class Layout:
    """A file's frame and scans."""

    frame: Frame | None
    scans: tuple[Scan, ...] = ()

    @property
    def one_scan(self) -> bool:
        """Whether all of the picture is in the first scan."""
        frame = self.frame
        return (
            frame is not None
            and frame.marker not in _PROGRESSIVE
            and bool(self.scans)
            and len(self.scans[0].components) == len(frame.components)
        )

    @property
    def complete(self) -> bool:
        """Whether the scans bring every bit of every coefficient of every component."""
        return self.frame is not None and not _missing(self.frame, self.scans)


def layout_of(body: bytes) -> Layout:
    """The layout of the first image in ``body``, as far as it can be followed."""
    frame: Frame | None = None
    scans: list[Scan] = []
    restarts = False
    for marker, data, start, end in _segments(body):
        if marker in _FRAMES and frame is None:
            frame = _frame(marker, data)
        elif marker == _INTERVAL:
            restarts = any(data[:2])
        elif marker == _SCAN:
            next_restart = _next_restart(body[start:end]) if restarts else None
            if (scan := _scan(data, end, next_restart)) is None:
                break
            scans.append(scan)
            if len(scans) == 1 and Layout(frame, (scan,)).one_scan:
                break
    return Layout(frame, tuple(scans))


def _segments(body: bytes) -> Iterator[tuple[int, bytes, int, int]]:
    """Marker and content of every segment up to the end of the image, and where the coded data behind a scan's header
    starts and ends (of every other segment both are its end)."""
    at = 2
    while (at := body.find(b"\xff", at)) >= 0 and at + 1 < len(body):
        marker = body[at + 1]
        if marker in (0, 0xFF) or marker in _ALONE:
            at += 1 if marker == 0xFF else 2
            continue
        start = at + 2 + max(int.from_bytes(body[at + 2 : at + 4], "big"), 2)
        if marker == _END or start > len(body):
            return
        data, at = body[at + 4 : start], start
        if marker == _SCAN:
            found = _AFTER_SCAN.search(body, start)
            at = found.start() if found else max(start, _end_of_data(body))
        yield marker, data, start, at


def _end_of_data(body: bytes) -> int:
    """Where a file without an end mark ends: a long run of zeros is what a download that broke off never filled."""
    end = len(body.rstrip(b"\x00"))
    return end if len(body) - end >= HOLE_BYTES else len(body)


def _frame(marker: int, data: bytes) -> Frame | None:
    if len(data) < 6 or len(data) < 6 + 3 * data[5]:
        return None
    return Frame(marker, data[0], tuple(data[6 : 6 + 3 * data[5] : 3]))


def _scan(data: bytes, end: int, next_restart: bytes | None) -> Scan | None:
    if not data or len(data) < 4 + 2 * data[0]:
        return None
    first, last, bits = data[1 + 2 * data[0] : 4 + 2 * data[0]]
    return Scan(tuple(data[1 : 1 + 2 * data[0] : 2]), first, last, bits & 0x0F, end, next_restart)


def _next_restart(coded: bytes) -> bytes:
    return bytes((0xFF, 0xD0 + len(_RESTART.findall(coded)) % 8))


def _missing(frame: Frame, scans: tuple[Scan, ...]) -> bool:
    """Whether some bit of some coefficient comes in no scan."""
    if frame.marker not in _PROGRESSIVE:
        return not set(frame.components) <= {component for scan in scans for component in scan.components}
    exact = {component: bytearray(_HIGHEST + 1) for component in frame.components}
    for scan in scans:
        for component in scan.components:
            if component in exact and scan.low_bit == 0 and scan.first <= scan.last <= _HIGHEST:
                exact[component][scan.first : scan.last + 1] = b"\x01" * (scan.last + 1 - scan.first)
    return not all(all(bits) for bits in exact.values())

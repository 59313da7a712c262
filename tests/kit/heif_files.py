"""HEIF files box by box around one coded picture: honest ones, and ones that say whatever they are told to."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

CODED = Path(__file__).parents[1] / "cases" / "images" / "heif_brand_hevc.jpg"
"""A HEIF of one picture, 240 x 160 pixels, that other files are made of."""
WIDTH, HEIGHT = 240, 160


@dataclass(frozen=True, slots=True)
class Item:
    """One item: its kind, its data, the numbers (from 1) of its properties, and the items it is derived from."""

    kind: bytes
    data: bytes
    properties: tuple[int, ...]
    derived_from: tuple[int, ...] = ()


def box(kind: bytes, *content: bytes, version: int | None = None, flags: int = 0) -> bytes:
    """One box; with a version, a full one."""
    head = b"" if version is None else struct.pack(">I", version << 24 | flags)
    data = head + b"".join(content)
    return struct.pack(">I", 8 + len(data)) + kind + data


def size_property(width: int, height: int) -> bytes:
    """The property that says how large an item is."""
    return box(b"ispe", struct.pack(">II", width, height), version=0)


def turned_property(quarters: int) -> bytes:
    """The property that turns an item, ``quarters`` times anticlockwise."""
    return box(b"irot", bytes([quarters]))


def heif(items: Sequence[Item], properties: Sequence[bytes], *, primary: int = 1, brand: bytes = b"heic") -> bytes:
    """A file of ``items``, whose ids count from 1. Items of the same data share it."""
    ftyp = box(b"ftyp", brand, bytes(4), b"mif1heic")
    start = len(ftyp) + len(_meta(items, properties, primary, 0)) + 8
    return ftyp + _meta(items, properties, primary, start) + box(b"mdat", *dict.fromkeys(item.data for item in items))


def still(*, width: int = WIDTH, height: int = HEIGHT, more: Sequence[bytes] = ()) -> bytes:
    """The coded picture under a size of its own and further properties."""
    config, data = coded_picture()
    item = Item(b"hvc1", data, tuple(range(1, 3 + len(more))))
    return heif([item], [config, size_property(width, height), *more])


def grid(rows: int, columns: int, *, width: int, height: int, tiles: int | None = None) -> bytes:
    """A picture of ``width`` x ``height`` batch out from tiles, as phones write it; each tile is the coded picture."""
    config, data = coded_picture()
    layout = struct.pack(">BBBBII", 0, 1, rows - 1, columns - 1, width, height)
    count = rows * columns if tiles is None else tiles
    items = [Item(b"grid", layout, (3,), tuple(range(2, 2 + count))), *[Item(b"hvc1", data, (1, 2))] * count]
    return heif(items, [config, size_property(WIDTH, HEIGHT), size_property(width, height)])


def coded_picture() -> tuple[bytes, bytes]:
    """The decoder's configuration, a box, and the coded data of the picture in CODED."""
    body = CODED.read_bytes()
    at = body.index(b"hvcC") - 4
    config = body[at : at + int.from_bytes(body[at : at + 4], "big")]
    return config, body[body.index(b"mdat") + 4 :]


def _meta(items: Sequence[Item], properties: Sequence[bytes], primary: int, start: int) -> bytes:
    handler = box(b"hdlr", bytes(4), b"pict", bytes(13), version=0)
    entries = [
        box(b"infe", struct.pack(">HH", number, 0), item.kind, b"\0", version=2) for number, item in enumerate(items, 1)
    ]
    infos = box(b"iinf", struct.pack(">H", len(items)), *entries, version=0)
    derived = [
        box(b"dimg", struct.pack(f">HH{len(item.derived_from)}H", number, len(item.derived_from), *item.derived_from))
        for number, item in enumerate(items, 1)
        if item.derived_from
    ]
    references = [box(b"iref", *derived, version=0)] if derived else []
    owned = b"".join(
        struct.pack(">HB", number, len(item.properties)) + bytes(0x80 | one for one in item.properties)
        for number, item in enumerate(items, 1)
    )
    described = box(b"iprp", box(b"ipco", *properties), box(b"ipma", struct.pack(">I", len(items)), owned, version=0))
    first = box(b"pitm", struct.pack(">H", primary), version=0)
    return box(b"meta", handler, first, _places(items, start), infos, *references, described, version=0)


def _places(items: Sequence[Item], start: int) -> bytes:
    places: dict[bytes, int] = {}
    for item in items:
        if item.data not in places:
            places[item.data] = start
            start += len(item.data)
    entries = [
        struct.pack(">HHHII", number, 0, 1, places[item.data], len(item.data)) for number, item in enumerate(items, 1)
    ]
    return box(b"iloc", b"\x44\0", struct.pack(">H", len(items)), *entries, version=0)

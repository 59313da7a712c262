"""HEIF and AVIF files that nobody should send, and honest ones that a careless decoder gets wrong."""

import struct
from collections.abc import Iterator

from tests.kit.heif_files import (
    HEIGHT,
    WIDTH,
    Item,
    box,
    coded_picture,
    grid,
    heif,
    size_property,
    still,
    turned_property,
)
from tests.kit.hostile_kinds import BROKEN, DONE, Hostile
from tests.kit.image_files import encoded, picture

_TOO_MANY = frozenset({"too_many_pixels"})
_MOST = 2**32 - 1


def hostile_heif() -> Iterator[Hostile]:
    """All of them."""
    yield from _bombs()
    yield from _built_wrong()
    yield from _cut_off()
    yield Hostile("heif_still", still(), DONE)
    yield Hostile("heif_turned", still(more=[turned_property(1)]), DONE)
    yield Hostile("heif_grid", grid(2, 2, width=480, height=320), DONE)
    yield Hostile("heif_codec_of_video", still().replace(b"hvc1", b"avc1"), frozenset({"unsupported_format"}))
    yield Hostile("heif_with_a_track_of_zeros", still() + box(b"moov", bytes(100)), BROKEN | {"done", "animated"})
    for mode in ("RGB", "RGBA", "L"):
        yield Hostile(f"avif_{mode}", encoded(picture(mode), "AVIF"), DONE)
    frames = [picture(), picture().rotate(90)]
    sequence = encoded(frames[0], "AVIF", save_all=True, append_images=frames[1:] * 5)
    yield Hostile("avif_sequence", sequence, frozenset({"done", "animated"}))


def _bombs() -> Iterator[Hostile]:
    avif = encoded(picture(), "AVIF")
    at = avif.index(b"ispe") + 8
    for width, height in ((7000, 7000), (_MOST, _MOST), (_MOST, 1)):
        name = f"{width}_x_{height}"
        yield Hostile(f"heif_{name}", still(width=width, height=height), _TOO_MANY | BROKEN)
        declared = avif[:at] + struct.pack(">II", width, height) + avif[at + 8 :]
        yield Hostile(f"avif_{name}", declared, _TOO_MANY | BROKEN)
    yield Hostile("heif_grid_of_100_tiles", grid(10, 10, width=2400, height=1600), DONE)
    yield Hostile("heif_grid_of_41_megapixels", grid(41, 24, width=5760, height=7160), _TOO_MANY | BROKEN)
    yield Hostile("heif_grid_of_65000_tiles", grid(256, 256, width=61_440, height=40_960, tiles=65_000), BROKEN)
    yield Hostile("heif_grid_that_says_it_is_small", grid(10, 10, width=64, height=64), BROKEN | DONE)


def _built_wrong() -> Iterator[Hostile]:
    config, data = coded_picture()
    sizes = [config, size_property(WIDTH, HEIGHT), size_property(WIDTH, HEIGHT)]
    layout = struct.pack(">BBBBII", 0, 1, 0, 0, WIDTH, HEIGHT)
    coded = Item(b"hvc1", data, (1, 2))
    yield Hostile("heif_grid_of_itself", heif([Item(b"grid", layout, (3,), (1,)), coded], sizes), BROKEN)
    chain = [Item(b"grid", layout, (3,), (number + 2,)) for number in range(200)]
    yield Hostile("heif_grid_of_a_grid_of_a_grid", heif([*chain, coded], sizes), BROKEN | DONE)
    same = [Item(b"iden", b"", (3,), (number + 2,)) for number in range(200)]
    yield Hostile("heif_the_same_as_the_same", heif([*same, coded], sizes), BROKEN | DONE)
    yield Hostile("heif_grid_that_lacks_tiles", grid(2, 2, width=480, height=320, tiles=3), BROKEN)
    yield Hostile("heif_grid_that_covers_too_little", grid(1, 1, width=6000, height=6000), BROKEN)
    yield Hostile("heif_of_no_such_item", heif([coded], sizes, primary=7), BROKEN)
    yield Hostile("heif_smaller_than_it_is", still(width=8, height=8), BROKEN)
    yield Hostile("heif_of_no_size", still(width=0, height=0), BROKEN)
    yield Hostile("heif_turned_100_times", still(more=[turned_property(1)] * 100), BROKEN)
    nested = b""
    for _ in range(5000):
        nested = box(b"iprp", nested)
    head = box(b"ftyp", b"heic", bytes(4), b"mif1heic")
    yield Hostile("heif_5000_boxes_deep", head + box(b"meta", nested, version=0), BROKEN | {"unsupported_format"})
    yield Hostile("heif_box_longer_than_2_to_63", head + struct.pack(">I4sQ", 1, b"meta", 2**63), BROKEN)


def _cut_off() -> Iterator[Hostile]:
    truncated = frozenset({"truncated"})
    for name, whole in {"heif": still(), "avif": encoded(picture(size=(200, 150)), "AVIF")}.items():
        for part in (0.1, 0.5, 0.9):
            yield Hostile(f"cut_{name}_{part}", whole[: int(len(whole) * part)], truncated)
    half = len(still()) // 2
    yield Hostile("heif_whose_second_half_is_zeros", still()[:half] + bytes(len(still()) - half), truncated)

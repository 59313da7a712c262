"""A JPEG is taken when all of its picture is there, however it ends, and refused when it is not, however it ends."""

import io
import struct
from collections.abc import Callable, Mapping

import pytest
from PIL import Image

from tests.kit.image_files import encoded, picture
from tests.kit.worker_client import photo
from workers.errors import Refused
from workers.images.codecs import decode_grey, decode_small
from workers.images.jpeg_layout import layout_of

LIMIT = 40_000_000
END = b"\xff\xd9"
KINDS: Mapping[str, Mapping[str, object]] = {
    "baseline": {},
    "optimized": {"optimize": True},
    "progressive": {"progressive": True},
    "4:4:4": {"subsampling": 0},
    "4:2:2": {"subsampling": 1},
    "restarts": {"restart_marker_blocks": 7},
    "restarts_of_rows": {"restart_marker_rows": 1},
    "progressive_with_restarts": {"progressive": True, "restart_marker_blocks": 5},
    "exif": {"exif": b"Exif\0\0" + b"\xff\xda\xff\xd9" * 40},
}
ENDINGS: Mapping[str, Callable[[bytes], bytes]] = {
    "as_written": lambda body: body,
    "no_end_mark": lambda body: body[:-2],
    "half_an_end_mark": lambda body: body[:-1],
    "bytes_after_the_end": lambda body: body + bytes(range(256)),
    "zeros_after_the_end": lambda body: body + bytes(5000),
    "another_jpeg_after_the_end": lambda body: body + encoded(picture(), "JPEG"),
    "bytes_before_the_end": lambda body: body[:-2] + b"\0\x11\x22" + END,
    "end_mark_twice": lambda body: body + END,
}
CUTS: Mapping[str, bytes] = {
    "end_mark": END,
    "nothing": b"",
    "zeros": bytes(4096),
    "end_mark_and_more": END + b"more" * 9,
}


@pytest.fixture(scope="module")
def source() -> Image.Image:
    with Image.open(io.BytesIO(photo("astronaut.png"))) as image:
        return image.convert("RGB").resize((203, 151))


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_whole_jpeg_is_taken_however_it_ends(source: Image.Image, kind: str, mode: str) -> None:
    body = encoded(source.convert(mode), "JPEG", **KINDS[kind])
    with Image.open(io.BytesIO(body)) as plain:
        expected = plain.convert("RGB" if mode == "CMYK" else mode).tobytes()
    for ending in ENDINGS.values():
        assert decode_small(ending(body), LIMIT, None).image.tobytes() == expected
        assert decode_small(ending(body), LIMIT, 50).image.size == (102, 76)


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_part_of_a_jpeg_is_refused_however_it_ends(source: Image.Image, kind: str, cut: str) -> None:
    body = encoded(source, "JPEG", **KINDS[kind])
    start = layout_of(body).scans[0].end // 3
    for share in (0.3, 0.6, 0.9):
        part = body[: start + int((len(body) - start) * share)] + CUTS[cut]
        for read in (decode_small, decode_grey):
            with pytest.raises(Refused) as refused:
                read(part, LIMIT, None if share == 0.6 else 40)
            assert refused.value.code == "truncated"


def test_a_progressive_jpeg_is_refused_whichever_scan_is_cut(source: Image.Image) -> None:
    body = encoded(source, "JPEG", progressive=True)
    ends = [scan.end for scan in layout_of(body).scans]
    assert len(ends) == 10
    for before, end in zip([ends[0] - 400, *ends], ends, strict=False):
        with pytest.raises(Refused):
            decode_small(body[: (before + end) // 2] + END, LIMIT, None)
    for end in ends[:-1]:
        with pytest.raises(Refused):
            decode_small(body[:end] + END, LIMIT, None)


def test_a_hole_in_the_middle_is_not_passed_over(source: Image.Image) -> None:
    body = encoded(source, "JPEG", progressive=True)
    first, second = layout_of(body).scans[:2]
    with pytest.raises(Refused) as refused:
        decode_small(body[: first.end - 300] + body[first.end :], LIMIT, None)
    assert (refused.value.code, "scan 1" in refused.value.message) == ("corrupt", True)
    assert second.end > first.end


def test_a_photograph_with_a_second_one_behind_it_is_taken(source: Image.Image) -> None:
    body = encoded(source, "MPO", save_all=True, append_images=[source.resize((64, 48))])
    picture_in_it = decode_small(body, LIMIT, None)
    assert (picture_in_it.image.size, picture_in_it.animated) == ((203, 151), False)
    with pytest.raises(Refused):
        decode_small(body[: body.index(b"\xff\xda") + 900] + END, LIMIT, None)


@pytest.mark.parametrize(
    ("marker", "bits", "name"),
    [(0xC3, 8, "lossless"), (0xC9, 8, "arithmetic"), (0xC5, 8, "hierarchical"), (0xC1, 12, "12 bits")],
)
def test_a_kind_that_browsers_do_not_show_is_named(marker: int, bits: int, name: str) -> None:
    body = bytearray(encoded(picture(), "JPEG"))
    at = body.index(b"\xff\xc0")
    body[at + 1], body[at + 4] = marker, bits
    with pytest.raises(Refused) as refused:
        decode_small(bytes(body), LIMIT, None)
    assert refused.value.code == "unsupported_format" and name in refused.value.message


def test_many_scans_cost_no_more_than_they_hold() -> None:
    body = encoded(picture(), "JPEG", progressive=True)
    scan = b"\xff\xda" + struct.pack(">HBBBBBB", 8, 1, 1, 0, 1, 1, 0)
    layout = layout_of(body[:-2] + scan * 20_000 + END)
    assert len(layout.scans) == 20_010 and layout.complete

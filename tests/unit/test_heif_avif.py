"""HEIC, HEIF and AVIF: shown as they are meant, or refused with a reason that is true."""

import struct

import pytest
from PIL import Image

from tests.kit.heif_files import HEIGHT, WIDTH, grid, still, turned_property
from tests.kit.hostile_heif import hostile_heif
from tests.kit.image_files import encoded, picture
from workers.enhance.picture import written_as
from workers.errors import Refused
from workers.images.codecs import decode_small

LIMIT = 40_000_000


def exif_turned(orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif.tobytes()


@pytest.mark.parametrize(("quarters", "turn"), [(1, Image.Transpose.ROTATE_90), (3, Image.Transpose.ROTATE_270)])
def test_a_heic_is_turned_by_its_own_property(quarters: int, turn: Image.Transpose) -> None:
    upright = decode_small(still(), LIMIT, None)
    turned = decode_small(still(more=[turned_property(quarters)]), LIMIT, None)
    assert (turned.width, turned.height) == (HEIGHT, WIDTH)
    assert turned.image.tobytes() == upright.image.transpose(turn).tobytes()


def test_the_exif_of_an_avif_turns_it_once() -> None:
    assert decode_small(encoded(picture(), "AVIF", exif=exif_turned(6)), LIMIT, None).image.size == (48, 64)


def test_a_grid_is_put_together_and_a_tile_never_stands_for_it() -> None:
    tile = decode_small(still(), LIMIT, None).image
    whole = decode_small(grid(2, 2, width=470, height=310), LIMIT, None).image
    assert whole.size == (470, 310)
    assert whole.crop((WIDTH, HEIGHT, 470, 310)).tobytes() == tile.crop((0, 0, 230, 150)).tobytes()
    with pytest.raises(Refused) as refused:
        decode_small(grid(2, 2, width=480, height=320, tiles=3), LIMIT, None)
    assert (refused.value.code, "primary" in refused.value.message) == ("corrupt", True)


def test_the_limit_of_pixels_is_that_of_the_header() -> None:
    for body in (still(), encoded(picture(size=(WIDTH, HEIGHT)), "AVIF")):
        with pytest.raises(Refused) as refused:
            decode_small(body, WIDTH * HEIGHT - 1, None)
        assert refused.value.code == "too_many_pixels"
        assert decode_small(body, WIDTH * HEIGHT, None).width == WIDTH


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L"])
def test_an_avif_has_the_colours_it_was_made_of(mode: str) -> None:
    source = picture(mode)
    image = decode_small(encoded(source, "AVIF", quality=95), LIMIT, None).image
    assert image.mode == mode
    seen, meant = (struct.unpack("64B", one.convert("L").resize((8, 8)).tobytes()) for one in (image, source))
    assert max(abs(a - b) for a, b in zip(seen, meant, strict=True)) <= 6


def test_each_hostile_file_has_one_of_its_reasons() -> None:
    wrong = []
    for file in hostile_heif():
        try:
            code = "animated" if decode_small(file.body, LIMIT, 224).animated else "done"
        except Refused as error:
            code = error.code
        if code not in file.codes:
            wrong.append((file.name, code))
    assert wrong == []


def test_the_format_of_a_result_is_one_that_browsers_show() -> None:
    assert [written_as(source, "RGB", "jpeg") for source in ("heif", "avif", "png")] == ["jpeg", "jpeg", "png"]  # type: ignore[arg-type]
    assert [written_as("heif", mode, modern) for mode, modern in (("RGB", "webp"), ("RGBA", "jpeg"))] == ["webp"] * 2  # type: ignore[arg-type]

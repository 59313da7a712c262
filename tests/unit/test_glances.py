"""A JPEG read at a small scale: as large as is asked for, and nothing else said of the picture than of all of it."""

import io

import numpy as np
import pytest
from PIL import ExifTags, Image

from tests.kit.worker_client import photo
from workers.clip.preprocessing import Framing, crop_to_square, preprocess
from workers.enhance.picture import read_picture
from workers.errors import Refused
from workers.images.codecs import decode, decode_small
from workers.images.content import GLANCE_SIDE, in_detail, read_content
from workers.images.phash import phash
from workers.wire import EnhanceRequest

MAX_PIXELS = 40_000_000


def encoded(image: Image.Image, image_format: str = "jpeg", **settings: object) -> bytes:
    out = io.BytesIO()
    image.save(out, image_format, **settings)  # type: ignore[arg-type]
    return out.getvalue()


@pytest.fixture(scope="module")
def large() -> Image.Image:
    with Image.open(io.BytesIO(photo("astronaut.png"))) as image:
        return image.convert("RGB").resize((1201, 901), Image.Resampling.LANCZOS)


@pytest.mark.parametrize(
    ("side", "size"), [(112, (151, 113)), (225, (301, 226)), (226, (601, 451)), (900, (1201, 901)), (None, (1201, 901))]
)
def test_the_smallest_scale_that_leaves_enough_is_read(
    large: Image.Image, side: int | None, size: tuple[int, int]
) -> None:
    small = decode_small(encoded(large), MAX_PIXELS, side)
    assert (small.image.size, small.width, small.height) == (size, 1201, 901)


@pytest.mark.parametrize(("orientation", "size"), [(1, (1201, 901)), (3, (1201, 901)), (6, (901, 1201))])
def test_the_size_is_that_of_the_whole_upright_picture(
    large: Image.Image, orientation: int, size: tuple[int, int]
) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    glance, content = read_content(encoded(large, exif=exif), MAX_PIXELS)
    assert (content.width, content.height) == size
    assert (glance.width > glance.height) == (size[0] > size[1]) and min(glance.size) >= GLANCE_SIDE


def test_a_png_is_read_as_it_is(large: Image.Image) -> None:
    assert read_content(encoded(large, "png"), MAX_PIXELS)[0].size == large.size


def test_the_hash_is_nearly_that_of_the_whole_picture(large: Image.Image) -> None:
    body = encoded(large)
    whole, glance = (
        int(text, 16) for text in (phash(decode(body, MAX_PIXELS)[0]), read_content(body, MAX_PIXELS)[1].phash)
    )
    assert (whole ^ glance).bit_count() <= 2


def test_every_worker_says_the_same_of_a_picture(large: Image.Image) -> None:
    for size in ((1201, 901), (640, 480), (300, 200)):
        body = encoded(large.resize(size))
        tagged = [preprocess(body, Framing(side, "crop"), MAX_PIXELS)[0] for side in (64, 224, 336)]
        enhanced = read_picture(body, EnhanceRequest(), MAX_PIXELS)[0].content
        assert tagged == [enhanced] * 3


def test_a_picture_to_be_enlarged_is_read_in_full(large: Image.Image) -> None:
    body = encoded(large.resize((640, 480)))
    _, pixels = read_picture(body, EnhanceRequest(), MAX_PIXELS)
    assert pixels == decode(body, MAX_PIXELS)[0].tobytes()


def test_a_model_that_looks_closer_than_a_glance_is_shown_more(large: Image.Image) -> None:
    body = encoded(large)
    glance, content = read_content(body, MAX_PIXELS)
    assert in_detail(glance, content, body, 224) is glance
    assert in_detail(glance, content, body, 336).size == (601, 451)
    assert in_detail(glance, content, body, None).size == (1201, 901)


def test_a_square_from_a_glance_looks_like_one_of_the_whole_picture(large: Image.Image) -> None:
    body, framing = encoded(large), Framing(224, "crop")
    quick = np.frombuffer(preprocess(body, framing, MAX_PIXELS)[1], np.uint8).astype(float)
    exact = np.frombuffer(crop_to_square(decode(body, MAX_PIXELS)[0], framing).tobytes(), np.uint8)
    assert 20 * np.log10(255 / np.sqrt(((quick - exact) ** 2).mean())) > 35


@pytest.mark.parametrize("progressive", [False, True])
def test_what_is_cut_off_is_refused_at_every_scale(large: Image.Image, progressive: bool) -> None:
    body = encoded(large, progressive=progressive)
    for side in (None, 112):
        with pytest.raises(Refused) as refused:
            decode_small(body[: len(body) // 2], MAX_PIXELS, side)
        assert refused.value.code == "truncated"


def test_a_picture_that_is_too_large_is_refused_before_it_is_made_smaller(large: Image.Image) -> None:
    with pytest.raises(Refused) as refused:
        decode_small(encoded(large), 1_000_000, 112)
    assert refused.value.code == "too_many_pixels"

"""Files that real senders produce, and the one right answer to each: see tests/cases/README.md."""

from pathlib import Path

import pytest
from PIL import Image

from workers.clip.defects import inspect_picture
from workers.clip.preprocessing import Framing
from workers.enhance.picture import read_picture
from workers.enhance.plan import Skip
from workers.errors import Refused
from workers.images.codecs import Decoded, decode_grey, decode_small
from workers.vlm.picture import read_picture as read_for_vlm
from workers.wire import EnhanceRequest

IMAGES = Path(__file__).parents[1] / "cases" / "images"
LIMIT = 40_000_000
UPRIGHT = ((20, 20, 24), (114, 130, 132), (132, 133, 127), (148, 131, 113))
"""What the 240 x 160 pictures show at PLACES, whatever codec they went through."""
PATCHES = ((200, 30, 40), (40, 160, 60), (50, 70, 190), (250, 250, 250))
PLACES = ((20, 40), (60, 40), (100, 40), (140, 40))
MOVING = (
    "apng_two_frames.png",
    "apng_hidden_first.png",
    "animated_first_frame_blank.webp",
    "animated_three_colours.webp",
)
REFUSED = {
    "half_with_end_mark.jpg": ("truncated", "ends before the picture"),
    "progressive_first_scans_with_end_mark.jpg": ("truncated", "last scans"),
    "before_start_newline.jpg": ("not_an_image", "bytes stand before the image: the jpeg begins at offset 1"),
    "cr3.jpg": ("unsupported_format", "CR3 raw"),
    "j2k_codestream.jpg": ("unsupported_format", "JPEG 2000"),
    "qoi.jpg": ("unsupported_format", "QOI"),
    "svg_utf16.svg": ("unsupported_format", "SVG"),
}
SHOWN = {
    "orientation_6_bad_rational.jpg": ((240, 160), UPRIGHT),
    "orientation_xmp_only_6.jpg": ((240, 160), UPRIGHT),
    "raw_profile_exif_orientation_6.png": ((240, 160), UPRIGHT),
    "heif_brand_hevc.jpg": ((240, 160), UPRIGHT),
    "avif_brand_avis.jpg": ((240, 160), UPRIGHT),
    "gama_0.35.png": ((160, 80), PATCHES),
    "text_chunk_bad_crc.png": ((160, 80), PATCHES),
    "iccp_unknown_compression.png": ((160, 80), PATCHES),
    "grey_gamma10_profile.jpg": ((160, 80), ((154,), (178,), (150,), (253,))),
    "grey_alpha_gamma10_profile.png": ((160, 80), tuple((grey,) * 3 + (200,) for grey in (154, 178, 150, 253))),
}


def body_of(name: str) -> bytes:
    return (IMAGES / name).read_bytes()


def decoded(name: str) -> Decoded:
    return decode_small(body_of(name), LIMIT, None)


def seen(image: Image.Image, place: tuple[int, int]) -> tuple[int, ...]:
    value = image.getpixel(place)
    return value if isinstance(value, tuple) else (int(value or 0),)


@pytest.mark.parametrize("name", SHOWN)
def test_a_picture_is_shown_as_browsers_show_it(name: str) -> None:
    size, colours = SHOWN[name]
    picture = decoded(name)
    assert (picture.image.size, (picture.width, picture.height), picture.animated) == (size, size, False)
    for place, colour in zip(PLACES, colours, strict=True):
        assert seen(picture.image, place) == pytest.approx(colour, abs=1 if colours is PATCHES else 9)


@pytest.mark.parametrize(
    ("name", "size"), [("ending_minus_2.jpg", (640, 480)), ("apng_without_first_fctl.png", (120, 90))]
)
def test_what_lacks_nothing_that_is_seen_is_taken(name: str, size: tuple[int, int]) -> None:
    picture = decoded(name)
    assert picture.image.size == size and not picture.animated
    assert min(channel[1] - channel[0] for channel in picture.image.convert("RGB").getextrema()) > 60


@pytest.mark.parametrize("name", REFUSED)
def test_a_refusal_says_what_the_file_is(name: str) -> None:
    code, words = REFUSED[name]
    for read in (lambda body: decode_small(body, LIMIT, 64), lambda body: decode_grey(body, LIMIT, 64)):
        with pytest.raises(Refused) as refused:
            read(body_of(name))
        assert refused.value.code == code and words in refused.value.message
        assert "video" not in refused.value.message


@pytest.mark.parametrize("name", MOVING)
def test_an_animation_is_left_alone_and_seen_by_a_frame_with_content(name: str) -> None:
    read, pixels = read_picture(body_of(name), EnhanceRequest(force=True), LIMIT)
    assert read.plan == Skip("animated") and read.content.animated and pixels == b""
    picture = decoded(name)
    assert picture.image.convert("RGBA").getchannel("A").getextrema()[1] == 255
    assert all(high - low > 60 for low, high in picture.image.convert("RGB").getextrema())


@pytest.mark.parametrize("name", sorted(path.name for path in IMAGES.iterdir()))
def test_every_worker_gives_a_file_the_same_answer(name: str) -> None:
    answers = {
        _outcome(lambda: read_picture(body_of(name), EnhanceRequest(), LIMIT)[0].content.phash),
        _outcome(lambda: inspect_picture(body_of(name), Framing(64, "crop"), LIMIT)[0][0].phash),
    }
    assert len(answers) == 1
    asked = _outcome(lambda: read_for_vlm(body_of(name), LIMIT)[0] and "read")
    assert asked == ("read" if name not in REFUSED else answers.pop())


def _outcome(read: object) -> str:
    try:
        return str(read())  # type: ignore[operator]
    except Refused as error:
        return f"{error.code}: {error.message}"


def test_every_file_has_its_answer() -> None:
    known = {*SHOWN, *REFUSED, *MOVING, "ending_minus_2.jpg", "apng_without_first_fctl.png"}
    assert {path.name for path in IMAGES.iterdir()} == known

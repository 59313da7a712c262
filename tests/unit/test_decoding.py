"""Decoding: what a picture becomes, and that its hash survives."""

import io

import pytest
from PIL import Image, ImageCms, ImageDraw

from tests.kit.image_files import encoded, picture
from tests.kit.worker import PHOTOS
from workers.enhance.lanczos import Lanczos
from workers.enhance.picture import Enlargement
from workers.images.codecs import Format, Pixels, decode, decode_small, encode
from workers.images.phash import phash

LIMIT = 40_000_000


def corners() -> Image.Image:
    """Red top left, green top right, blue bottom left, white bottom right."""
    image = Image.new("RGB", (32, 16))
    draw = ImageDraw.Draw(image)
    for box, colour in {(0, 0, 15, 7): "red", (16, 0, 31, 7): "lime", (0, 8, 15, 15): "blue"}.items():
        draw.rectangle(box, fill=colour)
    draw.rectangle((16, 8, 31, 15), fill="white")
    return image


def at(image: Image.Image, point: tuple[int, int]) -> tuple[int, ...]:
    value = image.getpixel(point)
    return value if isinstance(value, tuple) else (int(value or 0),)


def near(left: tuple[int, ...], right: tuple[int, ...], by: int = 6) -> bool:
    return len(left) == len(right) and all(abs(a - b) <= by for a, b in zip(left, right, strict=True))


UNDO = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("orientation", UNDO)
def test_exif_orientation_is_applied(orientation: int, image_format: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    body = encoded(corners().transpose(UNDO[orientation]), image_format, exif=exif, quality=95)
    image, _ = decode(body, LIMIT)
    assert image.size == (32, 16)
    for point, colour in {(4, 2): (255, 0, 0), (27, 2): (0, 255, 0), (4, 13): (0, 0, 255)}.items():
        assert near(image.getpixel(point), colour, 40)


@pytest.mark.parametrize(
    ("mode", "image_format", "becomes"),
    [
        ("1", "PNG", "L"),
        ("L", "PNG", "L"),
        ("LA", "PNG", "RGBA"),
        ("P", "PNG", "RGB"),
        ("RGB", "PNG", "RGB"),
        ("RGBA", "PNG", "RGBA"),
        ("I;16", "PNG", "L"),
        ("L", "JPEG", "L"),
        ("RGB", "JPEG", "RGB"),
        ("CMYK", "JPEG", "RGB"),
        ("RGB", "WEBP", "RGB"),
        ("RGBA", "WEBP", "RGBA"),
    ],
)
def test_every_mode_becomes_plain_pixels_that_look_the_same(mode: str, image_format: str, becomes: str) -> None:
    source = picture(mode)
    expected = picture("L") if mode == "I;16" else source.convert(becomes)
    image, found = decode(encoded(source, image_format), LIMIT)
    assert (image.mode, found) == (becomes, image_format.lower())
    for point in ((5, 5), (50, 10), (30, 40)):
        assert near(at(image, point), at(expected, point), 3 if image_format == "PNG" else 30)


def test_a_transparent_colour_of_a_palette_or_of_grey_is_kept_as_alpha() -> None:
    palette = Image.new("P", (2, 1))
    palette.putpalette([255, 0, 0, 0, 255, 0])
    palette.putpixel((1, 0), 1)
    image, _ = decode(encoded(palette, "PNG", transparency=1), LIMIT)
    assert [image.getpixel((x, 0)) for x in (0, 1)] == [(255, 0, 0, 255), (0, 255, 0, 0)]
    image, _ = decode(encoded(Image.new("L", (1, 1), 7), "PNG", transparency=7), LIMIT)
    assert image.getpixel((0, 0)) == (7, 7, 7, 0)


def test_the_sixteen_bits_of_grey_are_scaled_and_not_cut() -> None:
    grey = Image.new("I;16", (3, 1))
    for x, value in enumerate((257 * 10, 257 * 128, 65_535)):
        grey.putpixel((x, 0), value)
    image, _ = decode(encoded(grey, "PNG"), LIMIT)
    assert list(image.tobytes()) == [10, 128, 255]


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_an_icc_profile_is_converted_to_srgb(mode: str) -> None:
    linear = _profile_with_swapped_primaries()
    image, _ = decode(encoded(Image.new(mode, (8, 8), "red"), "PNG", icc_profile=linear), LIMIT)
    assert image.mode == mode
    assert near(image.getpixel((3, 3))[:3], (0, 0, 255), 12)
    assert "icc_profile" not in Image.open(io.BytesIO(encode(Pixels.of(image), "png"))).info


def _profile_with_swapped_primaries() -> bytes:
    """sRGB whose red and blue primaries have changed places: red in it is blue on the screen."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    count = int.from_bytes(profile[128:132], "big")
    where = {bytes(profile[at : at + 4]): at for at in range(132, 132 + 12 * count, 12)}
    red, blue = where[b"rXYZ"], where[b"bXYZ"]
    profile[red : red + 4], profile[blue : blue + 4] = b"bXYZ", b"rXYZ"
    return bytes(profile)


def test_a_profile_of_another_colour_space_is_ignored() -> None:
    grey_with_rgb_profile = encoded(Image.new("L", (8, 8), 77), "PNG", icc_profile=_profile_with_swapped_primaries())
    image, _ = decode(grey_with_rgb_profile, LIMIT)
    assert (image.mode, image.getpixel((0, 0))) == ("L", 77)


@pytest.mark.parametrize("image_format", ["PNG", "WEBP"])
def test_the_first_frame_that_is_not_blank_stands_for_an_animation(image_format: str) -> None:
    frames = [Image.new("RGB", (8, 8), "white"), corners().resize((8, 8)), Image.new("RGB", (8, 8), "lime")]
    body = encoded(frames[0], image_format, save_all=True, append_images=frames[1:], duration=100, lossless=True)
    found = decode_small(body, LIMIT, None)
    assert found.animated and near(found.image.convert("RGB").getpixel((1, 1)), (255, 0, 0), 12)


def test_enlarged_edges_of_transparency_do_not_fringe() -> None:
    image = Image.new("RGBA", (16, 16), (0, 255, 0, 0))  # invisible green around
    image.paste((255, 0, 0, 255), (4, 4, 12, 12))
    larger = Lanczos().core([Enlargement(Pixels.of(image), 64, 64)])[0].pixels.image()
    seen = [pixel for pixel in _pixels(larger) if pixel[3] > 16]
    assert seen and max(pixel[1] for pixel in seen) <= 8


def _pixels(image: Image.Image) -> list[tuple[int, ...]]:
    return [image.getpixel((x, y)) for x in range(image.width) for y in range(image.height)]


@pytest.mark.parametrize("image_format", ["jpeg", "png", "webp"])
def test_the_same_pixels_give_the_same_bytes_without_metadata(image_format: Format) -> None:
    exif = Image.Exif()
    exif[0x010E] = "SECRET"
    source = encoded(picture(), image_format, exif=exif, **({"comment": b"SECRET"} if image_format == "jpeg" else {}))
    assert b"SECRET" in source
    image, found = decode(source, LIMIT)
    first, second = (encode(Pixels.of(image), found) for _ in range(2))
    assert first == second and found == image_format
    assert b"SECRET" not in first and b"Exif" not in first


@pytest.mark.parametrize("name", ["astronaut.png", "coffee.png", "rocket.jpg", "chelsea.png", "camera.png"])
def test_the_hash_survives_being_encoded_again_and_tells_pictures_apart(name: str) -> None:
    original, _ = decode((PHOTOS / name).read_bytes(), LIMIT)
    again, _ = decode(encoded(original, "JPEG", quality=50), LIMIT)
    smaller, _ = decode(encoded(original.resize((original.width // 2, original.height // 2)), "PNG"), LIMIT)
    other, _ = decode((PHOTOS / "brick.png").read_bytes(), LIMIT)
    assert _distance(original, again) <= 8 and _distance(original, smaller) <= 8 < 16 < _distance(original, other)


def _distance(left: Image.Image, right: Image.Image) -> int:
    assert len(phash(left)) == 16
    return (int(phash(left), 16) ^ int(phash(right), 16)).bit_count()


def test_flat_pictures_have_the_hash_zero_whatever_their_colour() -> None:
    assert {phash(Image.new("RGB", (100, 70), colour)) for colour in ("red", "white", "#010203")} == {"0" * 16}

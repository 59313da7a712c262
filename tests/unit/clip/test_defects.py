"""Blur, noise, darkness and compression, measured on real photographs that were spoilt by known amounts."""

import io
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageFilter

from tests.kit.image_files import encoded
from tests.kit.worker import PHOTOS
from workers.clip.defects import CONFIRMED, CURVES, FLAGGED_FROM, defects_of, inspect_picture, judged_with
from workers.clip.measures import blur_px, noise_levels
from workers.clip.model import Judgement
from workers.clip.preprocessing import Framing

NAMES = ("astronaut.png", "coffee.png", "chelsea.png")


def photograph(name: str) -> Image.Image:
    with Image.open(PHOTOS / name) as image:
        return image.convert("RGB")


def compressed(image: Image.Image, quality: int) -> Image.Image:
    return Image.open(io.BytesIO(encoded(image, "JPEG", quality=quality))).convert("RGB")


def blurred(image: Image.Image) -> Image.Image:
    return image.filter(ImageFilter.GaussianBlur(1.6 * max(image.size) / 320))


def noisy(image: Image.Image) -> Image.Image:
    values = np.asarray(image) + np.random.default_rng(1).normal(0, 22, (*image.size[::-1], 3))
    return Image.fromarray(np.clip(values, 0, 255).astype(np.uint8))


def dark(image: Image.Image) -> Image.Image:
    return image.point(lambda value: value * 0.35)


def flags(image: Image.Image) -> set[str]:
    found = defects_of(image.convert("L"))
    return {name for name, share in found.items() if share >= FLAGGED_FROM and name not in CONFIRMED}


@pytest.mark.parametrize("name", NAMES)
def test_a_photograph_has_no_defects_also_when_it_was_compressed_mildly(name: str) -> None:
    assert flags(photograph(name)) == flags(compressed(photograph(name), 80)) == set()


SPOILT: dict[str, Callable[[Image.Image], Image.Image]] = {
    "blur": blurred,
    "noise": noisy,
    "dark": dark,
    "jpeg": lambda image: compressed(image, 12),
}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("defect", SPOILT)
def test_each_defect_is_flagged_and_no_other_also_after_another_mild_compression(defect: str, name: str) -> None:
    spoilt = SPOILT[defect](photograph(name))
    assert flags(spoilt) == flags(compressed(spoilt, 92)) == {defect}


@pytest.mark.parametrize("deviation", [5.0, 10.0, 20.0])
def test_noise_is_measured_in_grey_levels(deviation: float) -> None:
    grey = np.full((200, 300), 128, np.float32) + np.random.default_rng(2).normal(0, deviation, (200, 300))
    assert noise_levels(grey.astype(np.float32)) == pytest.approx(deviation, rel=0.15)


def test_blur_grows_with_what_was_done() -> None:
    image = photograph("astronaut.png").convert("L").resize((400, 400))
    softer = [blur_px(image.filter(ImageFilter.GaussianBlur(radius))) for radius in (0.1, 1.0, 2.0, 3.0)]
    assert softer == sorted(softer) and softer[3] == pytest.approx(3 * 320 / 400, rel=0.25)


def test_a_jpeg_that_was_halved_by_its_decoder_is_known_by_its_tables() -> None:
    large = photograph("astronaut.png").resize((2100, 2100))
    (_, good), _ = inspect_picture(encoded(large, "JPEG", quality=90), Framing(32, "squash"), 10**7)
    (content, bad), _ = inspect_picture(encoded(large, "JPEG", quality=5), Framing(32, "squash"), 10**7)
    assert (content.width, content.height) == (2100, 2100) and good["jpeg"] < 0.1 and bad["jpeg"] > 0.9


@pytest.mark.parametrize("size", [(1, 1), (1, 50_000), (50_000, 1), (8, 8), (17, 17), (19, 300), (24, 24)])
@pytest.mark.parametrize("value", [0, 128, 255])
def test_small_and_flat_pictures_have_no_blur_noise_or_blocks(size: tuple[int, int], value: int) -> None:
    found = defects_of(Image.new("L", size, value))
    assert set(found) == set(CURVES) and all(0 <= share <= 1 for share in found.values())
    assert flags(Image.new("L", size, value)) == ({"dark"} if value == 0 else set())


def test_of_a_flag_that_can_be_measured_the_measure_alone_decides() -> None:
    said = Judgement((), "interior", class_valid=True, quality=0.8, flags=("blur", "watermark"))
    measured = judged_with(said, {"blur": 0.25, "noise": 0.5})
    assert (measured.flags, measured.quality) == (("watermark", "noise"), 0.3)
    assert judged_with(said, {}) == said

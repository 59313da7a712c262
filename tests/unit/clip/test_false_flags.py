"""Menus, logos and charts are no defects, strong compression is one, and no model hides a picture by its word alone."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from orchestrator import cli
from tests.kit.image_files import encoded
from tests.kit.worker import PHOTOS
from workers.clip.builtin import VOCABULARY, builtin_towers
from workers.clip.compression import UNTOUCHED, quality_of_file, quality_of_pixels
from workers.clip.defects import judged_with
from workers.clip.model import Judgement
from workers.clip.vocabulary import read_vocabulary
from workers.training.clip.clean import SPOILT, Judge, judge_of, resized_again, sent_as_png, views
from workers.training.clip.graphics import DRAWN, drawn_pictures

SAMPLES = Path(cli.__file__).with_name("samples") / "photographs"
NAMES = ("astronaut.png", "coffee.png", "chelsea.png")


@pytest.fixture(scope="module")
def judge() -> Judge:
    return judge_of(builtin_towers(threads=1), read_vocabulary(VOCABULARY))


def photograph(name: str) -> Image.Image:
    with Image.open(PHOTOS / name) as image:
        return image.convert("RGB")


def again(image: Image.Image, *qualities: int) -> Image.Image:
    """The picture after JPEG files of these qualities."""
    for quality in qualities:
        image = Image.open(io.BytesIO(encoded(image, "JPEG", quality=quality))).convert("RGB")
    return image


def seen_quality(image: Image.Image) -> float:
    return quality_of_pixels(np.asarray(image.convert("L"), np.float32))


@pytest.mark.parametrize("kind", DRAWN)
def test_clean_drawings_have_no_flag_and_keep_their_quality(kind: str, judge: Judge) -> None:
    for picture in drawn_pictures(kind, 10):
        judgement = judge(sent_as_png(picture))
        assert judgement.flags == () and judgement.image_class != "screenshot"
        assert judgement.quality > 0.02


def test_clean_photographs_are_neither_watermarked_nor_screenshots(judge: Judge) -> None:
    shown = [sent_as_png(view) for name in NAMES for view in views(np.asarray(photograph(name)))]
    judged = [judge(body) for body in (*shown, *(path.read_bytes() for path in sorted(SAMPLES.glob("*.jpg"))))]
    assert len(judged) == 23
    assert [one for one in judged if {"watermark", "screenshot", "jpeg"} & {*one.flags, one.image_class}] == []


@pytest.mark.parametrize("kind", [*DRAWN, "photographs"])
def test_strong_compression_is_found_in_the_file_and_mostly_after_it(kind: str, judge: Judge) -> None:
    pictures = [photograph(name) for name in NAMES] if kind == "photographs" else drawn_pictures(kind, 6)
    for spoil in (spoil for spoil, _target in SPOILT.values() if spoil is not resized_again):
        found = ["jpeg" in judge(spoil(one)).flags for one in pictures]
        assert np.mean(found) > 0.8


@pytest.mark.parametrize("name", NAMES)
def test_the_quality_of_a_compression_is_read_from_the_pixels(name: str) -> None:
    image = photograph(name)
    assert [seen_quality(again(image, quality)) for quality in (10, 30, 45, 60)] == pytest.approx(
        [10, 30, 45, 60], abs=2
    )
    assert [seen_quality(again(image, *two)) for two in ((30, 92), (30, 75))] == pytest.approx([30, 30], abs=3)
    assert seen_quality(image) == seen_quality(again(image, 92)) == UNTOUCHED


def test_the_quality_of_a_compression_is_read_from_the_file() -> None:
    image = photograph("coffee.png").resize((64, 64))
    files = [encoded(image, "JPEG", quality=quality) for quality in (5, 20, 50, 75, 95)]
    assert [quality_of_file(one) for one in files] == pytest.approx([5, 20, 50, 75, 95], abs=1)
    assert quality_of_file(encoded(image.convert("L"), "JPEG", quality=30)) == pytest.approx(30, abs=1)


@pytest.mark.parametrize("size", [(1, 1), (8, 8), (9, 2000)])
def test_small_flat_and_repeating_pictures_show_no_compression(size: tuple[int, int]) -> None:
    tile = np.random.default_rng(3).integers(40, 200, (8, 8)).astype(np.float32)
    assert quality_of_pixels(np.tile(tile, (64, 64))) == UNTOUCHED
    assert seen_quality(Image.new("L", size, 90)) == UNTOUCHED


def test_a_class_that_is_a_defect_needs_the_model_and_the_pixels() -> None:
    said = Judgement((), "screenshot", class_valid=False, quality=1.0, flags=("screenshot",), otherwise=("car", True))
    crop_to_square, filling = (judged_with(said, {"screenshot": share}) for share in (0.9, 0.1))
    assert (crop_to_square.image_class, crop_to_square.class_valid, crop_to_square.flags) == (
        "screenshot",
        False,
        ("screenshot",),
    )
    assert (filling.image_class, filling.class_valid, filling.flags, filling.quality) == ("car", True, (), 1.0)
    menu = Judgement((), "menu", class_valid=True, quality=1.0)
    assert judged_with(menu, {"screenshot": 1.0}) == menu

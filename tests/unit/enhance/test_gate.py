"""Do no harm: which results may replace their source."""

from collections.abc import Callable
from itertools import product

import numpy as np
import pytest
from PIL import Image, ImageFilter

from tests.kit.worker import PHOTOS
from workers.enhance.gate import HARMFUL_COLOUR, HARMFUL_PATTERN, HARMFUL_STRUCTURE, harm, structure
from workers.enhance.network import Bytes

PHOTOGRAPHS = ("astronaut.png", "coffee.png", "chelsea.png", "rocket.jpg", "camera.png")
Spoil = Callable[[Bytes, np.random.Generator], Bytes]


def pair(name: str, scale: int) -> tuple[Image.Image, Image.Image]:
    """The true large picture, and the small one made from it."""
    with Image.open(PHOTOS / name) as image:
        width, height = (side // 4 * 4 for side in image.size)
        large = image.convert("RGB").crop((0, 0, width, height))
    return large.resize((width // scale, height // scale), Image.Resampling.BICUBIC), large


def noisy(image: Image.Image) -> Image.Image:
    values = np.asarray(image) + np.random.default_rng(0).normal(0, 10, (image.height, image.width, 3))
    return Image.fromarray(np.clip(values, 0, 255).astype(np.uint8))


@pytest.mark.parametrize("scale", [2, 4])
@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_a_good_enlargement_of_a_photograph_passes(name: str, scale: int) -> None:
    small, truth = pair(name, scale)
    lanczos = small.resize(truth.size, Image.Resampling.LANCZOS)
    for source, result in (
        (small, lanczos),
        (small, small.resize(truth.size, Image.Resampling.NEAREST)),
        (small, lanczos.filter(ImageFilter.UnsharpMask(scale, 150, 0))),
        (small, truth),
        (noisy(small), truth),
        (small.filter(ImageFilter.GaussianBlur(1)), truth),
    ):
        assert harm(np.asarray(source), np.asarray(result), scale) is None


def inverted(values: Bytes, _random: np.random.Generator) -> Bytes:
    return 255 - values


def exchanged(values: Bytes, _random: np.random.Generator) -> Bytes:
    return values[..., ::-1]


def tinted(values: Bytes, _random: np.random.Generator) -> Bytes:
    return np.clip(values.astype(int) + np.array([20, 0, 0]), 0, 255).astype(np.uint8)


def black(values: Bytes, _random: np.random.Generator) -> Bytes:
    return np.zeros_like(values)


def noise(values: Bytes, random: np.random.Generator) -> Bytes:
    return random.integers(0, 256, values.shape, np.uint8)


def one_black_tile(values: Bytes, _random: np.random.Generator) -> Bytes:
    spoiled = values.copy()
    half = min(values.shape[:2]) // 2
    spoiled[:half, -half:] = 0
    return spoiled


def checkerboard(values: Bytes, _random: np.random.Generator) -> Bytes:
    rows, columns = np.indices(values.shape[:2])
    return np.clip(values.astype(int) + 10 * ((rows + columns) % 2 * 2 - 1)[..., None], 0, 255).astype(np.uint8)


@pytest.mark.parametrize("scale", [2, 4])
@pytest.mark.parametrize(
    ("spoil", "name"),
    [
        *product([inverted, tinted, black, noise, one_black_tile, checkerboard], PHOTOGRAPHS),
        *product([exchanged], PHOTOGRAPHS[:-1]),  # the last one is grey
    ],
)
def test_a_broken_one_does_not(spoil: Spoil, name: str, scale: int) -> None:
    source, truth = pair(name, scale)
    large = np.asarray(source.resize(truth.size, Image.Resampling.LANCZOS))
    assert harm(np.asarray(source), spoil(large, np.random.default_rng(0)), scale) is not None


def test_it_says_what_is_wrong() -> None:
    source, truth = pair("coffee.png", 2)
    values, random = np.asarray(source), np.random.default_rng(0)
    large = np.asarray(source.resize(truth.size, Image.Resampling.LANCZOS))
    assert harm(values, noise(large, random), 2) == HARMFUL_STRUCTURE
    assert harm(values, tinted(large, random), 2) == HARMFUL_COLOUR
    assert harm(values, checkerboard(large, random), 2) == HARMFUL_PATTERN


@pytest.mark.parametrize("size", [(1, 1), (1, 50), (9, 3), (8, 8)])
def test_the_smallest_pictures_are_judged_too(size: tuple[int, int]) -> None:
    values = np.random.default_rng(0).integers(60, 200, (*size, 3), np.uint8)
    assert harm(values, values.repeat(2, axis=0).repeat(2, axis=1), 2) is None
    assert harm(values, np.zeros((size[0] * 2, size[1] * 2, 3), np.uint8), 2) is not None


def test_structure_is_one_for_the_same_picture_and_agrees_with_scikit_image() -> None:
    from skimage.metrics import structural_similarity

    small, _ = pair("chelsea.png", 2)
    other = small.filter(ImageFilter.GaussianBlur(2))
    assert structure(small, small, 1) == pytest.approx(1.0)
    halves = [np.asarray(image.convert("L").reduce(2), float) for image in (small, other)]
    expected = structural_similarity(*halves, win_size=7, data_range=255, use_sample_covariance=False)
    assert structure(small, other, 1) == pytest.approx(expected, abs=1e-3)

"""How the small pictures of the super-resolution recipe are made."""

import numpy as np
import pytest
from PIL import Image

from workers.training.sr.batches import Batches, Crops
from workers.training.sr.degradations import clean, realistic

PICTURE = np.random.default_rng(1).integers(0, 256, (64, 96, 3), np.uint8)


@pytest.mark.parametrize("scale", [2, 4])
@pytest.mark.parametrize("seed", range(12))
def test_the_same_generator_state_gives_the_same_pixels_in_the_wanted_size(seed: int, scale: int) -> None:
    first, second = (realistic(PICTURE, scale, np.random.default_rng(seed)) for _ in range(2))

    assert np.array_equal(first, second)
    assert first.shape == (64 // scale, 96 // scale, 3)
    assert first.dtype == np.uint8


def test_other_seeds_give_other_pixels() -> None:
    found = {realistic(PICTURE, 2, np.random.default_rng(seed)).tobytes() for seed in range(12)}

    assert len(found) == 12


@pytest.mark.parametrize("seed", range(12))
def test_a_realistic_picture_is_neither_shifted_nor_brighter(seed: int) -> None:
    rows, columns = np.mgrid[0:64, 0:64]
    hill = np.exp(-((rows - 31.5) ** 2 + (columns - 31.5) ** 2) / 200)
    picture = np.repeat(np.rint(200 * hill)[..., None], 3, axis=2).astype(np.uint8)
    small = realistic(picture, 2, np.random.default_rng(seed)).astype(float).mean(axis=2)

    middle = (np.indices(small.shape) * small).sum(axis=(1, 2)) / small.sum()
    assert middle == pytest.approx([15.5, 15.5], abs=0.3)
    assert small.mean() == pytest.approx(picture.mean(), rel=0.05)


def test_a_clean_picture_is_pillows_bicubic_reduction() -> None:
    wanted = Image.fromarray(PICTURE).resize((48, 32), Image.Resampling.BICUBIC)

    assert np.array_equal(clean(PICTURE, 2, np.random.default_rng(0)), np.asarray(wanted))


def test_a_batch_depends_on_its_seed_and_step_alone() -> None:
    crops = Crops(scale=2, seed=4, count=4, side=16)
    one, other = Batches({"a": PICTURE}, crops), Batches({"a": PICTURE}, crops)
    one.at(0)

    small, large = one.at(7)
    assert small.shape == (4, 3, 16, 16)
    assert large.shape == (4, 3, 32, 32)
    assert all(bool((a == b).all()) for a, b in zip((small, large), other.at(7), strict=True))
    assert not bool((large == one.at(8)[1]).all())


@pytest.mark.parametrize(("share", "count"), [(0.5, 3), (0.3, 2), (0.0, 0)])
def test_the_clean_share_of_a_batch_is_reduced_by_a_bicubic_filter_alone(share: float, count: int) -> None:
    small, large = Batches({"a": PICTURE}, Crops(scale=2, seed=4, count=6, side=16, clean=share)).at(0)
    pairs = zip(_bytes(small), _bytes(large), strict=True)

    found = [np.array_equal(a, clean(b, 2, np.random.default_rng(0))) for a, b in pairs]
    assert found == [True] * count + [False] * (6 - count)


def test_pictures_that_are_all_too_small_are_refused() -> None:
    with pytest.raises(ValueError, match="128 pixels"):
        Batches({"a": PICTURE}, Crops(scale=2, seed=4, count=1, side=64))


def _bytes(tensor: object) -> np.ndarray:
    return np.rint(np.asarray(tensor).transpose(0, 2, 3, 1) * 255).astype(np.uint8)

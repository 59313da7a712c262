"""A varied picture shows the same things in the same patches as its grid says."""

import random

import numpy as np

from workers.training.vlm.varying import GAIN, SHIFT_PX, moved, varied

SIDE, PATCH = 40, 10


def marked(row: int, column: int) -> tuple[np.ndarray, np.ndarray]:
    """A picture that is bright in one patch, and its grid."""
    picture = np.full((SIDE, SIDE, 3), 20, np.uint8)
    picture[row * PATCH : (row + 1) * PATCH, column * PATCH : (column + 1) * PATCH] = 200
    grid = np.zeros((SIDE // PATCH, SIDE // PATCH), np.int64)
    grid[row, column] = 5
    return picture, grid.ravel()


def test_the_grid_follows_the_picture() -> None:
    pictures, grids = (np.stack(parts) for parts in zip(*[marked(1, 0)] * 40, strict=True))
    seen, named = varied(pictures, grids, random.Random(1))
    assert {int(grid.argmax()) for grid in named} == {4, 7}  # as it was, and mirrored
    for picture, grid in zip(seen, named, strict=True):
        means = picture.mean(axis=2).reshape(4, PATCH, 4, PATCH).mean(axis=(1, 3)).ravel()
        assert means.argmax() == grid.argmax()
    assert len({picture.tobytes() for picture in seen}) == 40


def test_a_picture_is_moved_by_a_few_pixels_at_most() -> None:
    picture, _ = marked(1, 1)
    rng = random.Random(2)
    starts = {int((moved(picture, rng)[:, 15, 0] > 100).argmax()) for _ in range(80)}
    assert starts == set(range(PATCH - SHIFT_PX, PATCH + SHIFT_PX + 1))


def test_colours_change_no_more_than_they_may() -> None:
    pictures = np.full((50, SIDE, SIDE, 3), 100, np.uint8)
    seen, _ = varied(pictures, np.zeros((50, 16), np.int64), random.Random(3))
    assert 100 * (1 - GAIN) - 1 <= seen.min() < 95 and 105 < seen.max() <= 100 * (1 + GAIN)
    assert len(np.unique(seen.reshape(50, -1, 3), axis=1)) == 50


def test_the_same_seed_varies_alike() -> None:
    pictures, grids = (np.stack(parts) for parts in zip(*[marked(2, 3)] * 4, strict=True))
    one, other = (varied(pictures, grids, random.Random(4)) for _ in range(2))
    assert np.array_equal(one[0], other[0]) and np.array_equal(one[1], other[1])

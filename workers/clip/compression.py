"""How strongly a picture was compressed as a JPEG: by the tables of its file, and by what such tables left in its
pixels. Qualities are those of libjpeg, 1 to 100.

What is drawn (text, logos, charts) has edges at the borders of blocks as often as anywhere; steps between blocks tell
nothing there. A quantised coefficient is a multiple of its step, in a photograph and in a drawing alike.
"""

import io
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, JpegImagePlugin

Grey = NDArray[np.float32]

UNTOUCHED = 100.0
"""The quality of a picture that shows no sign of compression."""

_BLOCK = 8
_LUMINANCE = (
    (16, 11, 10, 16, 24, 40, 51, 61),
    (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77),
    (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101),
    (72, 92, 95, 98, 112, 100, 103, 99),
)
"""The steps at quality 50. Source: ITU-T T.81 (1992), table K.1."""
_PLACES = tuple((down, across) for down in range(8) for across in range(8) if 0 < down + across <= 5)
"""The coefficients that are looked at: what is finer is mostly zero after any compression."""
_QUALITIES = np.arange(5, 66)
_MOST_BLOCKS = 4096
_MOST_SIZE = 300
_LEAST_SHARE = 0.3
_LEAST_RANGE = 2
_LEAST_SCORE = 0.25
_LEAST_COUNT = 150
_LEAST_PLACES = 5
_NEARLY = 0.8
_ALIKE = 1.3


def quality_of_file(body: bytes) -> float:
    """The quality that the luminance table of a JPEG file stands for. Of the table the low frequencies count: the
    others are cut at 255 in strong compression. Nothing is decoded."""
    with Image.open(io.BytesIO(body), formats=("JPEG",)) as image:
        tables = image.quantization if isinstance(image, JpegImagePlugin.JpegImageFile) else {}
    if not tables:
        return UNTOUCHED
    table = np.reshape(tables[min(tables)], (_BLOCK, _BLOCK))
    percent = 100 * sum(int(table[at]) for at in _PLACES) / sum(_LUMINANCE[down][across] for down, across in _PLACES)
    return float(np.clip(5000 / percent if percent > 100 else 100 - percent / 2, 1, UNTOUCHED))


def quality_of_pixels(grey: Grey) -> float:
    """The lowest quality at which ``grey`` was once compressed, if that was 65 or less and its blocks of 8 x 8 are
    still where they were; else UNTOUCHED.

    Source: Z. Fan and R. de Queiroz, "Identification of bitmap compression history" (2003): coefficients gather at the
    multiples of their step. Here the mean of cos(2 pi c / step) over the coefficients that are not near zero: 1 where
    all are multiples, below 0 where nothing was quantised. Blocks that are flat, cut at black or white, or the same as
    another one say nothing and do not count, so that a pattern that repeats itself is not taken for a comb.
    """
    blocks = _telling(grey)
    if not len(blocks):
        return UNTOUCHED
    basis = _basis()
    sizes = np.abs(np.rint(basis @ (blocks - 128) @ basis.T)).astype(np.int64)
    sizes = np.minimum(sizes, _MOST_SIZE)
    counts = np.stack([np.bincount(sizes[:, *at], minlength=_MOST_SIZE + 1) for at in _PLACES]).astype(np.float32)
    waves, counted = _combs()
    sums, numbers = (np.einsum("ps,qps->qp", counts, weights) for weights in (waves, counted))
    scores = sums.sum(axis=1) / np.maximum(numbers.sum(axis=1), 1)
    agreeing = ((numbers >= 4) & (sums > 0.3 * numbers)).sum(axis=1)
    found = (scores >= _LEAST_SCORE) & (numbers.sum(axis=1) >= _LEAST_COUNT) & (agreeing >= _LEAST_PLACES)
    if not found.any():
        return UNTOUCHED
    # The multiples of a step are also multiples of its half, its third: of the combs that fit, the coarsest counts.
    scores = np.where(found, scores, -1.0)
    first = int(_QUALITIES[int((scores >= _NEARLY * scores.max()).argmax())])
    near = (first <= _QUALITIES) & (first * _ALIKE >= _QUALITIES)
    return float(_QUALITIES[int(np.where(near, scores, -1.0).argmax())])


def _telling(grey: Grey) -> Grey:
    """The blocks that can tell, each once: [block, 8, 8]. Of a large picture every so many rows of blocks."""
    rows, columns = (side // _BLOCK for side in grey.shape)
    every = max(1, -(-rows * columns // _MOST_BLOCKS))
    cut = grey[: rows * _BLOCK, : columns * _BLOCK].reshape(rows, _BLOCK, columns, _BLOCK)[::every]
    blocks = cut.swapaxes(1, 2).reshape(-1, _BLOCK, _BLOCK)
    least, most = blocks.min(axis=(1, 2)), blocks.max(axis=(1, 2))
    blocks = blocks[(most - least > _LEAST_RANGE) & (least > 0) & (most < 255)]
    flat = blocks.reshape(len(blocks), _BLOCK * _BLOCK)
    marks = np.rint((flat - flat.mean(axis=1, keepdims=True)) @ np.sqrt(np.arange(2, 2 + _BLOCK * _BLOCK)) * 8)
    return np.asarray(blocks[np.unique(marks, return_index=True)[1]])


@lru_cache
def _basis() -> Grey:
    """The orthonormal cosine transform of eight numbers."""
    at = np.arange(_BLOCK)
    rows = np.cos((2 * at[np.newaxis] + 1) * at[:, np.newaxis] * np.pi / (2 * _BLOCK)) / 2
    rows[0] /= np.sqrt(2)
    return np.asarray(rows, np.float32)


@lru_cache
def _combs() -> tuple[Grey, Grey]:
    """[quality, place, size of a coefficient]: the cosine that it is worth, and whether it counts at all."""
    percents = np.where(_QUALITIES < 50, 5000 / _QUALITIES, 200 - 2 * _QUALITIES)
    table = np.array([_LUMINANCE[down][across] for down, across in _PLACES])
    steps = np.clip(np.floor((percents[:, np.newaxis] * table + 50) / 100), 1, 255)[..., np.newaxis]
    sizes = np.arange(_MOST_SIZE + 1)
    counted = ((sizes > _LEAST_SHARE * steps) & (sizes < _MOST_SIZE)).astype(np.float32)
    return (np.cos(2 * np.pi * sizes / steps) * counted).astype(np.float32), counted

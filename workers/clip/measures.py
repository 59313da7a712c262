"""Blur, noise and darkness, measured on the pixels of a picture without another to compare it with.

A clip model looks at a square of some two hundred pixels, in which all of these average away. Pictures are grey, 0 to
255. A picture too small for a measure gets 0, or for its lightness what it is.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Grey = NDArray[np.float32]

MIDDLE = 512
"""Pixels each way of what noise is measured on: the middle of the picture, at full size."""

LIT = 105
"""Levels: a picture whose brightest pixels are this much above a dark one's mean level is not dark."""

_BLUR_SIDE = 400
_UNIT_SIDE = 320
_SCALES = (1.2, 2.4)
_PARTS = 6
_STEEPEST = 10
_SHARPEST = 0.75
_STEEP_LEVELS = 4.0
_MOST_BLUR_PX = 10.0
_FLAT_BLOCK = 16
_FLATTEST = 10
_CLIPPED = 12
_BRIGHTEST = 0.002
_EDGE = 0.12
_ALIKE = 3
_MOSTLY = 0.6


def middle(image: Image.Image) -> Grey:
    """The middle of a grey picture, at most MIDDLE pixels each way."""
    width, height = (min(side, MIDDLE) for side in image.size)
    left, top = (image.width - width) // 2, (image.height - height) // 2
    return np.asarray(image.crop((left, top, left + width, top + height)), np.float32)


def blur_px(image: Image.Image) -> float:
    """The deviation of the blur that lies over half of the picture or more, in pixels of a picture whose longer side
    has 320; a smaller picture is measured in its own.

    Source: S. Zhuo and T. Sim, "Defocus map estimation from a single image" (2011), section 3: where a step edge was
    blurred, the ratio of its gradients after two more known blurs tells by how much. Here at the steepest tenth of
    each of 6 x 6 parts of the picture, reduced to 400 pixels; of a part the sharpest quarter counts, and of all parts
    the median, so that neither a sharp watermark over a blurred picture nor a blurred background decides.
    """
    if max(image.size) > _BLUR_SIDE:
        scale = _BLUR_SIDE / max(image.size)
        size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
        image = image.resize(size, Image.Resampling.BOX, reducing_gap=2.0)
    if min(image.size) < 4 * _PARTS:
        return 0.0
    grey = np.asarray(image, np.float32)
    (narrow, wide), (first, second) = _SCALES, (_parts(_steepness(_blurred(grey, scale))) for scale in _SCALES)
    count = max(1, first.shape[1] // _STEEPEST)
    steepest = np.argpartition(first, -count, axis=1)[:, -count:]
    before, after = (np.take_along_axis(values, steepest, axis=1) for values in (first, second))
    clear = before.min(axis=1) >= _STEEP_LEVELS
    if not clear.any():
        return 0.0
    ratios = (before[clear] / np.maximum(after[clear], 1e-3)) ** 2
    ratio = np.clip(np.quantile(ratios, _SHARPEST, axis=1), 1.001, (wide / narrow) ** 2)
    deviations = np.sqrt((wide**2 - ratio * narrow**2) / (ratio - 1))
    unit = _UNIT_SIDE / max(_UNIT_SIDE, *image.size)
    return min(_MOST_BLUR_PX, float(np.median(deviations)) * unit)


def noise_levels(grey: Grey) -> float:
    """The deviation of the noise, in grey levels.

    Source: J. Immerkaer, "Fast noise variance estimation" (1996): the mean size of the difference of two Laplacians,
    which knows no edges; here of the flattest tenth of blocks of 16 x 16 pixels that are neither black nor white,
    since texture counts as noise everywhere else.
    """
    if min(grey.shape) < _FLAT_BLOCK + 2:
        return 0.0
    rows = grey[:-2] - 2 * grey[1:-1] + grey[2:]
    differences = _block_means(np.abs(rows[:, :-2] - 2 * rows[:, 1:-1] + rows[:, 2:]))
    light = _block_means(grey[1:-1, 1:-1])
    inside = (light > _CLIPPED) & (light < 255 - _CLIPPED)
    blocks = differences[inside] if inside.mean() >= 0.1 else differences
    return float(np.percentile(blocks, _FLATTEST)) * float(np.sqrt(np.pi / 2)) / 6


def lightness(image: Image.Image) -> float:
    """The mean grey level; or how far the brightest of its pixels are above LIT, where that is more: light letters on a
    dark ground, or a lamp in the night, are as bright as they were meant to be. Of the pixels near the upper and lower
    edge, which may be a screen's bars, none is looked at for that."""
    mean = float(np.asarray(image.reduce(max(1, min(image.size) // 64)), np.float32).mean())
    inner = image.crop((0, round(image.height * _EDGE), image.width, image.height - round(image.height * _EDGE)))
    from_above = np.cumsum(inner.histogram()[::-1])
    brightest = 255 - int(np.searchsorted(from_above, max(1, inner.width * inner.height * _BRIGHTEST)))
    return max(mean, brightest - LIT)


def plain_rows(image: Image.Image) -> float:
    """The share of rows most of whose pixels have one grey level, as in the bars of a screen, and in anything drawn. A
    photograph that fills its frame has none."""
    scale = max(1, min(image.size) // _UNIT_SIDE)
    grey = np.asarray(image.reduce(scale), np.int16)
    middle = np.median(grey, axis=1, keepdims=True)
    return float(((np.abs(grey - middle) <= _ALIKE).mean(axis=1) >= _MOSTLY).mean())


def _block_means(values: Grey) -> Grey:
    rows, columns = (side // _FLAT_BLOCK for side in values.shape)
    cut = values[: rows * _FLAT_BLOCK, : columns * _FLAT_BLOCK]
    return np.asarray(cut.reshape(rows, _FLAT_BLOCK, columns, _FLAT_BLOCK).mean(axis=(1, 3)))


def _parts(values: Grey) -> Grey:
    """[part, pixel] of 6 x 6 equal parts."""
    rows, columns = (side // _PARTS for side in values.shape)
    cut = values[: rows * _PARTS, : columns * _PARTS].reshape(_PARTS, rows, _PARTS, columns)
    return cut.transpose(0, 2, 1, 3).reshape(_PARTS * _PARTS, rows * columns)


def _steepness(grey: Grey) -> Grey:
    """The length of the gradient, by central differences."""
    across, down = grey[1:-1, 2:] - grey[1:-1, :-2], grey[2:, 1:-1] - grey[:-2, 1:-1]
    return np.asarray(np.hypot(across, down) / 2)


def _blurred(grey: Grey, deviation: float) -> Grey:
    """A Gaussian over ``grey``; beyond the border lies what is on it."""
    reach = int(np.ceil(3 * deviation))
    offsets = np.arange(-reach, reach + 1)
    weights = np.exp(-(offsets**2) / (2 * deviation**2)).astype(np.float32)
    weights /= weights.sum()
    for _ in range(2):
        padded = np.pad(grey, ((reach, reach), (0, 0)), mode="edge")
        grey = sum(weight * padded[at : at + len(grey)] for at, weight in enumerate(weights)).T
    return grey

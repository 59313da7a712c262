"""Do no harm: does an enlarged picture, made small again, still show what its source shows? Pure functions.

Three measures, each of which alone can turn a result down. The bars were set on 13 pictures of scikit-image at two and
four times their size. "Good" below are Lanczos, nearest neighbours, sharpening, and the true large picture against a
source with blur (sigma 1), noise (sigma 15) or JPEG (quality 30) that a network should have removed; "broken" are
inverted or mirrored pictures, exchanged colours, tints, grey, black, noise, checkerboards, and a tile from elsewhere.

What averages away when the result is made small (fine noise, invented texture) is not seen. Whether both show the same
things is for a clip model: see ``workers.enhance.likeness``.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from workers.enhance.network import Bytes

VERSION = 1
"""Part of every recipe; rises with any change to what passes."""

HARMFUL_STRUCTURE = "harmful_structure"
HARMFUL_COLOUR = "harmful_colour"
HARMFUL_PATTERN = "harmful_pattern"

STRUCTURE_AT_LEAST = 0.70
"""Mean SSIM of the luma at half the source's size, where noise that was removed no longer counts. Good: 0.71 and more,
half of them above 0.94; noise, inverted and black: 0.36 and less."""
COLOUR_AT_MOST = 5.0
"""CIE76 difference of the worst block. Good: 3.1 and less; one channel 15 levels off: 6.3 and more; a black or stale
tile: 17 at the median. 2.3 is a just noticeable difference (Sharma, Digital Color Imaging Handbook, 2003)."""
PATTERN_AT_MOST = 6.0
"""Grey levels between the positions inside an enlarged pixel. Good: 2.3 and less; a checkerboard of plus and minus 10
levels: 18 and more."""

_WINDOW = 7
_BLOCK = 32
"""Pixels of the source. Wide enough for a denoiser to change single pixels as it must."""


def harm(source: Bytes, result: Bytes, scale: int) -> str | None:
    """Why ``result``, ``scale`` times as large as ``source``, must not replace it; None when it may."""
    before, after = Image.fromarray(source), Image.fromarray(result)
    if not structure(before, after, scale) >= STRUCTURE_AT_LEAST:
        return HARMFUL_STRUCTURE
    if not colour_shift(before, after, scale) <= COLOUR_AT_MOST:
        return HARMFUL_COLOUR
    return HARMFUL_PATTERN if not pattern(before, after, scale) <= PATTERN_AT_MOST else None


def structure(before: Image.Image, after: Image.Image, scale: int) -> float:
    """Mean SSIM at half the size of ``before``, from -1 to 1.

    Wang et al., Image quality assessment: from error visibility to structural similarity, IEEE TIP 13 (2004), with
    square windows of 7 pixels.
    """
    first, second = (_floats(image.convert("L").reduce(factor)) for image, factor in ((before, 2), (after, 2 * scale)))
    size = min(_WINDOW, *first.shape)
    mean_1, mean_2 = _window_means(first, size), _window_means(second, size)
    variance_1 = _window_means(first * first, size) - mean_1 * mean_1
    variance_2 = _window_means(second * second, size) - mean_2 * mean_2
    covariance = _window_means(first * second, size) - mean_1 * mean_2
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    above = (2 * mean_1 * mean_2 + c1) * (2 * covariance + c2)
    below = (mean_1 * mean_1 + mean_2 * mean_2 + c1) * (variance_1 + variance_2 + c2)
    return float(np.mean(above / below))


def colour_shift(before: Image.Image, after: Image.Image, scale: int) -> float:
    """The largest CIE76 difference between the mean colours of a block of both."""
    first, second = _lab(_floats(before.reduce(_BLOCK))), _lab(_floats(after.reduce(_BLOCK * scale)))
    return float(np.linalg.norm(first - second, axis=-1).max())


def pattern(before: Image.Image, after: Image.Image, scale: int) -> float:
    """How much the mean grey level depends on the position inside an enlarged pixel, beyond what Lanczos gives there.

    Networks that upscale by shuffling channels or by transposed convolution fail in this way (Odena et al.,
    Deconvolution and checkerboard artifacts, Distill, 2016).
    """
    smooth = before.convert("L").resize(after.size, Image.Resampling.LANCZOS)
    offsets = _phase_means(after.convert("L"), scale) - _phase_means(smooth, scale)
    return float(np.ptp(offsets))


def _floats(image: Image.Image) -> NDArray[np.float64]:
    return np.asarray(image, np.float64)


def _phase_means(image: Image.Image, scale: int) -> NDArray[np.float64]:
    levels = np.asarray(image)
    return np.array([levels[row::scale, column::scale].mean() for row in range(scale) for column in range(scale)])


def _window_means(values: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    """The mean of every window of ``size`` x ``size``, from sums over everything above and to the left."""
    sums = np.pad(values, ((1, 0), (1, 0))).cumsum(0).cumsum(1)
    whole = sums[size:, size:] - sums[:-size, size:] - sums[size:, :-size] + sums[:-size, :-size]
    return np.asarray(whole / size**2)


def _lab(levels: NDArray[np.float64]) -> NDArray[np.float64]:
    """CIELAB (D65) of sRGB levels from 0 to 255; IEC 61966-2-1 and CIE 15."""
    value = levels / 255
    linear = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    share = linear @ to_xyz.T / to_xyz.sum(axis=1)
    root = np.where(share > (6 / 29) ** 3, np.cbrt(share), share / (3 * (6 / 29) ** 2) + 4 / 29)
    x, y, z = root[..., 0], root[..., 1], root[..., 2]
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)

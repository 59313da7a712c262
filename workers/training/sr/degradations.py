"""What makes a small picture of a large one: cleanly, or as cameras, sites and messengers do.

The second way follows Real-ESRGAN (Wang et al. 2021: blur, resize, noise, JPEG, and the same again), but mildly: what
reaches a catalogue is a photograph that was scaled and compressed once or twice. All chance comes from the given
generator, so the same generator state gives the same pixels.
"""

import io
from collections.abc import Callable

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter

Picture = NDArray[np.uint8]
Degrade = Callable[[Picture, int, Generator], Picture]
_FILTERS = (
    Image.Resampling.BICUBIC,
    Image.Resampling.BILINEAR,
    Image.Resampling.LANCZOS,
    Image.Resampling.BOX,
    Image.Resampling.HAMMING,
)
_BLUR = 0.7
_NOISE = 0.5
_JPEG = 0.8
_SECOND = 0.3
_QUALITY = (45, 96)


def clean(picture: Picture, scale: int, _generator: Generator) -> Picture:
    """Pillow's bicubic reduction, and nothing else."""
    return _resized(picture, _size(picture, scale), Image.Resampling.BICUBIC)


def realistic(picture: Picture, scale: int, generator: Generator) -> Picture:
    """Blurred, reduced in one or two steps by any filter, with noise and JPEG compression, each as chance has it."""
    width, height = _size(picture, scale)
    first = scale ** generator.uniform(0.0, 1.0)
    picture = _blurred(picture, generator, 0.2, 0.5 * scale + 0.3)
    picture = _resized(picture, (round(width * first), round(height * first)), _filter(generator))
    picture = _noisy(picture, generator, 10.0)
    if generator.random() < _SECOND:
        picture = _compressed(picture, generator)
        picture = _blurred(picture, generator, 0.1, 0.6)
        picture = _noisy(picture, generator, 4.0)
    picture = _resized(picture, (width, height), _filter(generator))
    return _compressed(picture, generator) if generator.random() < _JPEG else picture


def _size(picture: Picture, scale: int) -> tuple[int, int]:
    return picture.shape[1] // scale, picture.shape[0] // scale


def _filter(generator: Generator) -> Image.Resampling:
    return _FILTERS[generator.integers(len(_FILTERS))]


def _resized(picture: Picture, size: tuple[int, int], resampling: Image.Resampling) -> Picture:
    if (picture.shape[1], picture.shape[0]) == size:
        return picture
    return np.asarray(Image.fromarray(picture).resize(size, resampling))


def _blurred(picture: Picture, generator: Generator, least: float, most: float) -> Picture:
    """A Gaussian that may be wider one way than the other. The generator moves on by as much either way."""
    chance, *sigma = generator.random(), *generator.uniform(least, most, 2)
    if chance >= _BLUR:
        return picture
    soft = gaussian_filter(picture.astype(np.float32), (*sigma, 0), truncate=3.0)
    return np.asarray(np.rint(soft), np.uint8)


def _noisy(picture: Picture, generator: Generator, most: float) -> Picture:
    """Gaussian noise, or Poisson noise as of few photons; ``most`` is its deviation in grey levels of 255."""
    if generator.random() >= _NOISE:
        return picture
    level = generator.uniform(0.5, most)
    channels = 1 if generator.random() < 0.4 else 3  # noise of grey, or of each colour
    noise = generator.normal(0.0, level, (*picture.shape[:2], channels))
    if generator.random() < 0.5:
        noise = noise * np.sqrt(picture / 255.0)  # the variance of photon counts grows with the light
    return np.clip(np.rint(picture + noise), 0, 255).astype(np.uint8)


def _compressed(picture: Picture, generator: Generator) -> Picture:
    file = io.BytesIO()
    subsampling = int(generator.choice((0, 2)))
    Image.fromarray(picture).save(file, "JPEG", quality=int(generator.integers(*_QUALITY)), subsampling=subsampling)
    return np.asarray(Image.open(file))

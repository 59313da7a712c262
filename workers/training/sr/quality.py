"""How much better the networks enlarge than bicubic and Lanczos filters do, on photographs they never learnt from."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from workers.builtin import pinned
from workers.enhance.onnx_network import OnnxNetwork
from workers.training.figures import Row, row
from workers.training.sr.degradations import Degrade, Picture, clean, realistic
from workers.training.sr.photograph_list import Part
from workers.training.sr.photographs import read_part, read_skimage

_PSNR: Callable[..., float] = peak_signal_noise_ratio
_SSIM: Callable[..., float] = structural_similarity

Enlarge = Callable[[Picture], Picture]
SEED = 20
SIDE = 512


@dataclass(frozen=True, slots=True)
class Way:
    """How pictures are made small, how often each one is, and the least gain in PSNR that is asked for."""

    name: str
    degrade: Degrade
    draws: int
    gain_db: float


WAYS = (Way("bicubic", clean, draws=1, gain_db=0.5), Way("realistic", realistic, draws=3, gain_db=0.5))


@dataclass(frozen=True, slots=True)
class Likeness:
    """Means over all pictures, in RGB with a border as wide as the scale cut off: PSNR in dB, and SSIM."""

    psnr: float
    ssim: float


@dataclass(frozen=True, slots=True)
class Figures:
    """One network on one set of photographs, made small in one way, beside both filters."""

    scale: int
    photographs: str
    way: Way
    count: int
    network: Likeness
    bicubic: Likeness
    lanczos: Likeness

    @property
    def gain_db(self) -> float:
        """PSNR over the better filter."""
        return self.network.psnr - max(self.bicubic.psnr, self.lanczos.psnr)

    @property
    def gain_ssim(self) -> float:
        """SSIM over the better filter."""
        return self.network.ssim - max(self.bicubic.ssim, self.lanczos.ssim)


def rows(networks: Mapping[int, Enlarge], photographs: Mapping[str, Mapping[str, Picture]]) -> list[Row]:
    """``networks`` by scale, on sets of ``photographs`` by the set's name: gains over the better filter."""
    return [row for figures in measure(networks, photographs) for row in _rows(figures)]


def built_in_rows(folder: Path) -> list[Row]:
    """The built-in networks on the held-out photographs in ``folder`` and those of scikit-image.

    Raises MissingPhotographs when the first are not there and cannot be fetched.
    """
    return rows(built_in_networks(), held_out_sets(folder))


def built_in_networks() -> dict[int, Enlarge]:
    """By scale. Raises ValueError when a file is not the one that was released."""
    return {scale: exported_network(pinned(f"sr_x{scale}/model.onnx")) for scale in (2, 4)}


def held_out_sets(folder: Path) -> dict[str, dict[str, Picture]]:
    """All photographs that no network learnt from, by where they are from. Raises MissingPhotographs."""
    return {"held-out": read_part(folder, Part.HELD_OUT), "scikit-image": read_skimage()}


def measure(networks: Mapping[int, Enlarge], photographs: Mapping[str, Mapping[str, Picture]]) -> list[Figures]:
    """The figures of every network, set and way. The middle of a photograph counts, at most SIDE pixels each way."""
    return [
        _measured(scale, network, name, pictures, way)
        for scale, network in sorted(networks.items())
        for name, pictures in photographs.items()
        for way in WAYS
    ]


def exported_network(graph: Path, threads: int | None = None) -> Enlarge:
    """The network in ``graph`` as the enhance worker runs it."""
    network = OnnxNetwork(graph.parent.name, graph, threads)
    return lambda small: network.run(small[np.newaxis])[0]


def likeness(picture: Picture, wanted: Picture, border: int) -> Likeness:
    """Of two pictures of one size, without ``border`` pixels at each edge."""
    inner = (slice(border, -border), slice(border, -border))
    one, other = picture[inner], wanted[inner]
    return Likeness(
        float(_PSNR(other, one, data_range=255)),
        float(_SSIM(other, one, channel_axis=-1, data_range=255)),
    )


def filtered(picture: Picture, scale: int, resampling: Image.Resampling) -> Picture:
    """``picture`` enlarged by one of Pillow's filters."""
    size = (picture.shape[1] * scale, picture.shape[0] * scale)
    return np.asarray(Image.fromarray(picture).resize(size, resampling))


def middle(picture: Picture, scale: int) -> Picture:
    """What counts of a photograph; its sides are multiples of ``scale``."""
    height, width = (min(length, SIDE) // scale * scale for length in picture.shape[:2])
    top, left = (picture.shape[0] - height) // 2, (picture.shape[1] - width) // 2
    return picture[top : top + height, left : left + width]


def _measured(scale: int, network: Enlarge, name: str, pictures: Mapping[str, Picture], way: Way) -> Figures:
    enlarges = (
        network,
        lambda small: filtered(small, scale, Image.Resampling.BICUBIC),
        lambda small: filtered(small, scale, Image.Resampling.LANCZOS),
    )
    pairs = list(_pairs(pictures, scale, way))
    means = (_mean([likeness(enlarge(small), large, scale) for small, large in pairs]) for enlarge in enlarges)
    return Figures(scale, name, way, len(pictures), *means)


def _pairs(pictures: Mapping[str, Picture], scale: int, way: Way) -> Iterator[tuple[Picture, Picture]]:
    for index, name in enumerate(sorted(pictures)):
        large = middle(pictures[name], scale)
        for draw in range(way.draws):
            yield way.degrade(large, scale, np.random.default_rng([SEED, scale, index, draw])), large


def _mean(found: list[Likeness]) -> Likeness:
    return Likeness(float(np.mean([one.psnr for one in found])), float(np.mean([one.ssim for one in found])))


def _rows(figures: Figures) -> tuple[Row, Row]:
    where = f"{figures.way.name}, {figures.photographs}"
    n = f"{figures.count} photographs"
    return (
        row(f"sr x{figures.scale}: PSNR gain in dB, {where}", figures.gain_db, n, figures.way.gain_db),
        row(f"sr x{figures.scale}: SSIM gain, {where}", figures.gain_ssim, n, 0.0),
    )

"""The crops a super-resolution network learns from: a pure function of the photographs, the seed and the step."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.random import Generator
from PIL import Image
from torch import Tensor

from workers.training.sr.degradations import clean, realistic
from workers.training.sr.photographs import Picture

_SMALLER = 0.6
_TRIES = 3


@dataclass(frozen=True, slots=True)
class Crops:
    """How many pairs a batch has, the share that is only reduced, and the side of each small picture in pixels."""

    scale: int
    seed: int
    count: int = 8
    side: int = 40
    clean: float = 0.5


class Batches:
    """Pairs of small and large crops. ``pictures`` are also seen reduced, where a crop holds more of each."""

    def __init__(self, pictures: Mapping[str, Picture], crops: Crops) -> None:
        least = crops.side * crops.scale
        levels = [level for name in sorted(pictures) for level in (pictures[name], _smaller(pictures[name]))]
        self._levels = [level for level in levels if min(level.shape[:2]) >= least]
        if not self._levels:
            raise ValueError(f"no photograph is {least} pixels high and wide")
        areas = np.array([level.shape[0] * level.shape[1] for level in self._levels], np.float64)
        self._chances = areas / areas.sum()
        self.crops = crops

    def at(self, step: int) -> tuple[Tensor, Tensor]:
        """The batch of ``step``: (count, 3, side, side) and (count, 3, side * scale, side * scale), from 0 to 1."""
        crops = self.crops
        generator = np.random.default_rng([crops.seed, crops.scale, step])
        larges = [self._large(generator) for _ in range(crops.count)]
        ways = [clean if index < crops.clean * crops.count else realistic for index in range(crops.count)]
        smalls = [way(large, crops.scale, generator) for way, large in zip(ways, larges, strict=True)]
        return as_tensor(np.stack(smalls)), as_tensor(np.stack(larges))

    def _large(self, generator: Generator) -> Picture:
        """The most detailed of a few crops, mirrored and turned as chance has it: much of a photograph is blurred."""
        tried = [self._crop(generator) for _ in range(_TRIES)]
        crop = max(tried, key=_detail)
        crop = np.rot90(crop, int(generator.integers(4)))
        return np.ascontiguousarray(crop[:, ::-1] if generator.random() < 0.5 else crop)

    def _crop(self, generator: Generator) -> Picture:
        level = self._levels[generator.choice(len(self._levels), p=self._chances)]
        side = self.crops.side * self.crops.scale
        top, left = (int(generator.integers(length - side + 1)) for length in level.shape[:2])
        return level[top : top + side, left : left + side]


def as_tensor(pictures: Picture) -> Tensor:
    """(count, height, width, 3) in bytes to (count, 3, height, width) from 0 to 1, channels last in memory."""
    values = torch.tensor(pictures).permute(0, 3, 1, 2)
    return values.float().div(255).contiguous(memory_format=torch.channels_last)


def _detail(crop: Picture) -> float:
    green = crop[..., 1].astype(np.float32)
    return float(np.abs(np.diff(green, axis=0)).mean() + np.abs(np.diff(green, axis=1)).mean())


def _smaller(picture: Picture) -> Picture:
    size = (round(picture.shape[1] * _SMALLER), round(picture.shape[0] * _SMALLER))
    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.LANCZOS))

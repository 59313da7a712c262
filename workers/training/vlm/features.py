"""What a tower makes of every patch of drawn pictures, computed once and kept beside them in 16 bits."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from rich.progress import track
from torch import Tensor
from transformers import CLIPVisionModel

from workers.training.vlm.data import CHUNK, Pictures
from workers.training.vlm.tower import Tower
from workers.training.world.known import Known

_TOGETHER = 50


@dataclass(frozen=True, slots=True)
class Features:
    """``chunks`` hold CHUNK pictures each: [picture, patch, number]; ``known`` says what is true of them."""

    chunks: Sequence[NDArray[np.float16]]
    known: Sequence[Known]

    def __len__(self) -> int:
        return len(self.known)

    def of(self, indexes: Sequence[int]) -> Tensor:
        """Of the pictures of these numbers, one after the other."""
        return torch.from_numpy(np.stack([self.chunks[index // CHUNK][index % CHUNK] for index in indexes])).float()


def features(shown: Pictures, tower: Tower, device: torch.device) -> Features:
    """Of all pictures. Those that are not kept yet are computed."""
    kept = [path.with_suffix(f".{tower.digest}.npy") for path in shown.chunks]
    missing = [(path, to) for path, to in zip(shown.chunks, kept, strict=True) if not to.is_file()]
    if missing:
        model = new_tower(tower).to(device)
        for path, to in track(missing, description="looking"):
            _keep(to, _looked(model, np.load(path, mmap_mode="r"), tower, device))
    return Features([np.load(path, mmap_mode="r") for path in kept], shown.known)


def new_tower(tower: Tower) -> Any:
    """``tower`` as a model."""
    model: Any = CLIPVisionModel(tower.config)
    model.load_state_dict(tower.weights)
    return model.eval()


def as_input(pictures: NDArray[np.uint8], tower: Tower) -> Tensor:
    """Pictures as the processor of the model hands them over."""
    pixels = torch.from_numpy(np.array(pictures)).permute(0, 3, 1, 2).float() / 255
    mean, deviation = (torch.tensor(values).view(3, 1, 1) for values in (tower.mean, tower.deviation))
    return (pixels - mean) / deviation


@torch.inference_mode()
def _looked(model: Any, pictures: NDArray[np.uint8], tower: Tower, device: torch.device) -> NDArray[np.float16]:
    """The last layer's patches, as the projector of the whole model gets them."""
    parts = []
    for start in range(0, len(pictures), _TOGETHER):
        pixels = as_input(pictures[start : start + _TOGETHER], tower).to(device)
        parts.append(model(pixels).last_hidden_state[:, 1:].half().cpu().numpy())
    found: NDArray[np.float16] = np.concatenate(parts)
    return found


def _keep(path: Path, found: NDArray[np.float16]) -> None:
    unfinished = path.with_suffix(".partial")
    with unfinished.open("wb") as file:
        np.save(file, found)
    os.replace(unfinished, path)

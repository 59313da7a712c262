"""Networks of the real sizes with random weights, scaled so that results use the whole range of values."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image

from tests.kit.sr_networks import State, saved
from tests.kit.worker import PHOTOS
from workers.enhance.network import Bytes
from workers.enhance.torch_loading import load


def photograph(side: int) -> Bytes:
    """The astronaut, ``side`` x ``side`` pixels."""
    with Image.open(PHOTOS / "astronaut.png") as image:
        return np.asarray(image.convert("RGB").resize((side, side), Image.Resampling.LANCZOS))


def spread_out(state: State, last: str, path: Path) -> Path:
    """``state`` whose results on a photograph have a mean of 0.5 and a deviation of 0.2."""
    loaded = load(saved(state, path))
    pixels = torch.from_numpy(photograph(48).copy()).permute(2, 0, 1)[None].float() / 255
    with torch.inference_mode():
        result = loaded.module(pixels)
    if loaded.name == "RRDBNet":
        factor = 0.2 / result.std()
        state[f"{last}.bias"] = 0.5 + (state[f"{last}.bias"] - result.mean()) * factor
        state[f"{last}.weight"] = state[f"{last}.weight"] * factor
    return saved(state, path)

"""Reduced precision is taken at its word only when the result is is_plausible."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.kit.sr_networks import exported, saved, srvgg
from workers.enhance.network import Bytes, Network, NotFinite
from workers.enhance.onnx_network import OnnxNetwork
from workers.enhance.precision_check import is_plausible, upscale_checked
from workers.enhance.torch_loading import load
from workers.enhance.torch_network import TorchNetwork


@dataclass
class Fixed:
    """Gives ``answer`` for every pixel; None is not a number."""

    answer: int | None
    precise: Network | None = None
    name = weights = runtime = "fixed"
    scale, halo, multiple, minimum = 2, 1, 1, 1
    tile_pixels, batch = 1 << 20, 1

    def run(self, windows: Bytes) -> Bytes:
        if self.answer is None:
            raise NotFinite(self.name)
        count, height, width, _ = windows.shape
        return np.full((count, height * 2, width * 2, 3), self.answer, np.uint8)


@pytest.mark.parametrize("answer", [0, 255, None])
def test_black_clipped_and_no_numbers_at_all_are_done_again_in_float32(answer: int | None, photograph: Bytes) -> None:
    assert (upscale_checked(Fixed(answer, precise=Fixed(100)), photograph) == 100).all()


def test_a_plausible_result_is_not_done_again(photograph: Bytes) -> None:
    assert (upscale_checked(Fixed(90, precise=Fixed(100)), photograph) == 90).all()


@pytest.mark.parametrize("network", [Fixed(None), Fixed(None, precise=Fixed(None)), Fixed(0, precise=Fixed(None))])
def test_what_float32_cannot_do_either_is_said(network: Fixed, photograph: Bytes) -> None:
    with pytest.raises(NotFinite):
        upscale_checked(network, photograph)


@pytest.mark.parametrize("level", [0, 255])
def test_a_picture_that_is_black_or_white_itself_may_stay_so(level: int) -> None:
    picture = np.full((8, 8, 3), level, np.uint8)
    assert is_plausible(picture, picture.repeat(2, axis=0).repeat(2, axis=1))


def test_an_overflow_of_float16_is_noticed_and_float32_gives_the_result(tmp_path: Path, photograph: Bytes) -> None:
    state = srvgg(2, residual=0.05)
    state["body.0.weight"] *= 1e5
    state["body.2.weight"] *= 1e-5
    loaded = load(saved(state, tmp_path / "large.safetensors"))
    half = TorchNetwork(loaded, torch.device("cpu"), torch.float16)
    with pytest.raises(NotFinite):
        half.run(photograph[None].copy())
    exact = OnnxNetwork("same", exported(state, tmp_path / "large.onnx"), threads=1)
    assert np.abs(upscale_checked(half, photograph).astype(int) - upscale_checked(exact, photograph)).max() <= 1

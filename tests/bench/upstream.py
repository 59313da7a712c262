"""The other side of the enhancement benchmarks: Real-ESRGAN's own program, from PyPI's realesrgan."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import torch

from workers.enhance.network import Bytes

CPU = torch.device("cpu")


def program(path: Path, module: torch.nn.Module) -> Any:
    """RealESRGANer with ``module`` and its weights from ``path``: float32, no tiles, no padding."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from realesrgan.utils import RealESRGANer

        return RealESRGANer(scale=4, model_path=str(path), model=module, tile=0, pre_pad=0, device=CPU)


def original(path: Path, module: torch.nn.Module) -> Callable[[Bytes], Bytes]:
    """A program that is loaded once. Takes and gives RGB."""
    loaded = program(path, module)
    return lambda picture: loaded.enhance(picture[..., ::-1])[0][..., ::-1]


def reloaded(path: Path) -> Any:
    """The program as a script has it that is started for one picture: the network is built and its weights read.

    basicsr can be imported once ``workers.enhance.torch_loading`` has loaded a network of its.
    """
    from basicsr.archs.rrdbnet_arch import RRDBNet

    return program(path, RRDBNet(num_in_ch=3, num_out_ch=3, num_feat=64, num_block=23, num_grow_ch=32, scale=4))


def reloading(path: Path) -> Callable[[Bytes, int, int], Bytes]:
    """One request as such a script makes it: load, upscale four times, shrink to the size."""

    def request(picture: Bytes, width: int, height: int) -> Bytes:
        larger = reloaded(path).enhance(picture[..., ::-1], outscale=4)[0]
        return cv2.resize(larger, (width, height), interpolation=cv2.INTER_LANCZOS4)[..., ::-1]

    return request

"""Small networks with known weights, loaded as the worker loads them, and a photograph."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.kit.sr_networks import State, exported, saved
from tests.kit.worker import PHOTOS
from workers.enhance.network import Bytes, Network
from workers.enhance.onnx_network import OnnxNetwork
from workers.enhance.torch_loading import load
from workers.enhance.torch_network import TorchNetwork

Make = Callable[[State], Network]


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(params=["onnxruntime", "float32", "bfloat16"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    """A network with the given weights, in each of the ways there are to run it."""

    def made(state: State) -> Network:
        if request.param == "onnxruntime":
            return OnnxNetwork("small", exported(state, tmp_path / "small.onnx"), threads=1)
        loaded = load(saved(state, tmp_path / "small.safetensors"))
        return TorchNetwork(loaded, torch.device("cpu"), getattr(torch, request.param))

    return made


@pytest.fixture(scope="session")
def photograph() -> Bytes:
    """120 x 90 pixels with edges, skin and texture."""
    with Image.open(PHOTOS / "astronaut.png") as image:
        small = image.convert("RGB").resize((120, 120), Image.Resampling.LANCZOS)
    return np.asarray(small)[:90]

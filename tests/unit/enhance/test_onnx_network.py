"""Networks in onnxruntime, which need no torch."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest

from tests.kit.sr_networks import exported, srvgg
from workers.builtin import PINS, pinned
from workers.enhance.network import Bytes
from workers.enhance.onnx_network import OnnxNetwork
from workers.weights.digest import weights_digest

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(("scale", "layers"), [(2, 3), (3, 1), (4, 9)])
def test_scale_and_reach_are_found_out(tmp_path: Path, scale: int, layers: int) -> None:
    path = exported(srvgg(scale, residual=0.5, layers=layers), tmp_path / "any.onnx")
    network = OnnxNetwork("any", path, threads=1)
    assert (network.scale, network.halo) == (scale, layers + 2)
    assert network.weights == weights_digest([path]) and network.name == f"any@{network.weights[:8]}"


def test_pixels_become_what_the_network_says(tmp_path: Path, photograph: Bytes) -> None:
    network = OnnxNetwork("any", exported(srvgg(2), tmp_path / "any.onnx"), threads=1)
    windows = np.stack([photograph, photograph[::-1]])
    assert (network.run(windows) == windows.repeat(2, axis=1).repeat(2, axis=2)).all()


def test_a_file_of_another_shape_is_refused_at_the_start(tmp_path: Path) -> None:
    path = exported(srvgg(2), tmp_path / "any.onnx")
    model = onnx.load(path)
    del model.graph.node[-1]
    model.graph.output[0].name = model.graph.node[0].output[0]
    onnx.save(model, path)
    with pytest.raises(ValueError, match="turns 3 channels into 8, and not RGB into RGB"):
        OnnxNetwork("any", path, threads=1)


def test_torch_is_not_imported(tmp_path: Path) -> None:
    path = exported(srvgg(2), tmp_path / "any.onnx")
    script = f"""
import pathlib, sys
import numpy as np
from workers.enhance import builtin, command
from workers.enhance.networks import Networks
from workers.enhance.onnx_network import OnnxNetwork
from workers.enhance.picture import Enlargement
from workers.images.codecs import Pixels
networks = Networks("any", [OnnxNetwork("any", pathlib.Path({str(path)!r}), 1)])
[made] = networks.core([Enlargement(Pixels("RGB", 8, 8, bytes(192)), 16, 16)])
assert made.pixels.width == 16
assert not {{"torch", "onnx", "spandrel", "basicsr"}} & sys.modules.keys()
"""
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True, timeout=60)


@pytest.mark.skipif("sr_x4/model.onnx" not in PINS.read_text(), reason="the built-in networks are not trained yet")
@pytest.mark.parametrize(("name", "scale"), [("sr_x2", 2), ("sr_x4", 4)])
def test_the_built_in_networks_enlarge_a_photograph(name: str, scale: int, photograph: Bytes) -> None:
    network = OnnxNetwork(name, pinned(f"{name}/model.onnx"), threads=1)
    result = network.run(photograph[None].copy())[0]
    assert network.scale == scale and network.halo < 40
    back = result.reshape(90, scale, 120, scale, 3).mean(axis=(1, 3))
    assert np.abs(back - photograph).mean() < 6

"""A request to make a picture twice as large, beside the script: x4plus loaded for it, four times, then made smaller.

The weights are random, which changes no speed. What the cheaper network of two times gives away is measured with the
built-in pair, which is trained.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from statistics import median

import numpy as np
import pytest
import torch
from PIL import Image

from tests.bench.pictures import photograph as detailed
from tests.bench.random_networks import photograph, spread_out
from tests.bench.rounds import Faster, Figure, Times, interleaved, note
from tests.bench.upstream import CPU, reloaded, reloading
from tests.kit.sr_networks import rrdb, srvgg
from workers.builtin import pinned
from workers.enhance.gate import harm
from workers.enhance.network import Bytes, Network
from workers.enhance.onnx_network import OnnxNetwork
from workers.enhance.planes import Planes, join
from workers.enhance.precision_check import upscale_checked
from workers.enhance.tiling import upscale
from workers.enhance.torch_loading import load
from workers.enhance.torch_network import TorchNetwork, best_precision

pytestmark = [pytest.mark.bench, pytest.mark.timeout(900)]

ROUNDS = 7
SIDE = 64
PSNR_AT_LEAST = 50.0


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def test_twice_as_large_beside_the_script(tmp_path: Path) -> None:
    x4 = spread_out(rrdb(4, features=64, blocks=23, growth=32), "conv_last", tmp_path / "x4plus.pth")
    networks: Mapping[str, Network] = {
        "x4": loaded(x4),
        "x2": loaded(spread_out(rrdb(2, features=64, blocks=23, growth=32), "conv_last", tmp_path / "x2plus.pth")),
        "compact": loaded(spread_out(srvgg(2, features=64, layers=32), "body.66", tmp_path / "compact.pth")),
    }
    picture, script = photograph(SIDE), reloading(x4)
    sides: dict[str, Callable[[], Bytes]] = {"script": lambda: script(picture, 2 * SIDE, 2 * SIDE)}
    sides |= {name: lambda it=network: worked(it, picture) for name, network in networks.items()}  # type: ignore[misc]
    psnr = decibels(reloaded(x4).enhance(picture[..., ::-1])[0][..., ::-1], upscale(networks["x4"], picture))
    times = interleaved(sides, ROUNDS)
    loading = Times()
    loading.take(lambda: reloaded(x4))
    peer = (
        f"realesrgan 0.3.0, float32: {median(times['script'].cpu_s):.2f} s, {loading.cpu_s[0]:.2f} s of it to load the "
        "network for the request; ours {:.2f} s"
    )
    what = f"{SIDE} x {SIDE} pixels to twice that as a whole request"
    rows = (
        ("x2", Figure("P11-x2plus", f"{what}, RRDB x2plus: times as fast; {quality()}", 5.0), True),
        ("compact", Figure("P11-compact", f"{what}, SRVGG-32 x2: times as fast", 5.0), True),
        (
            "x4",
            Figure(
                "P11-x4plus",
                f"{what}, x4plus only: times as fast (PSNR {psnr:.1f} dB before it is made smaller)",
                3.0,
                "PSNR >= 50 dB",
            ),
            psnr >= PSNR_AT_LEAST,
        ),
    )
    for name, figure, also in rows:
        note(figure, Faster(times[name], times["script"]), peer.format(median(times[name].cpu_s)), also)


def loaded(path: Path) -> TorchNetwork:
    network = load(path)
    return TorchNetwork(network, CPU, best_precision(CPU, network))


def worked(network: Network, picture: Bytes) -> Bytes:
    """What the worker does with a picture between decoding and encoding; random weights do not pass the gate, which is
    asked all the same."""
    better = upscale_checked(network, picture)
    harm(picture, better, network.scale)
    pixels = join(Planes(picture, None, "RGB"), better, 2 * picture.shape[1], 2 * picture.shape[0])
    return np.asarray(pixels.image())


def quality() -> str:
    """The built-in networks on a photograph of half the size, against the photograph."""
    truth = detailed(480, 360)
    small = np.asarray(truth.resize((240, 180), Image.Resampling.BICUBIC))
    twice, four = (upscale(OnnxNetwork(name, pinned(f"{name}/model.onnx"), 1), small) for name in ("sr_x2", "sr_x4"))
    reduced = Image.fromarray(four).resize(truth.size, Image.Resampling.LANCZOS)
    direct, detour = (decibels(np.asarray(truth), np.asarray(made)) for made in (twice, reduced))
    return f"trained ones, against the truth: x2 {direct:.1f} dB, x4 made smaller {detour:.1f} dB"


def decibels(expected: Bytes, made: Bytes) -> float:
    error = np.mean((expected.astype(float) - made) ** 2)
    return float(10 * np.log10(255**2 / error))

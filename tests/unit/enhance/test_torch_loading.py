"""Weights from files: what they are is found out, and nothing in them is executed."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from spandrel.architectures.SPAN import SPAN

from tests.kit.sr_networks import State, rrdb, saved, srvgg
from workers.enhance.network import Bytes
from workers.enhance.tiling import upscale
from workers.enhance.torch_loading import FURTHEST, load
from workers.enhance.torch_network import TorchNetwork, best_precision
from workers.weights.digest import weights_digest

CPU = torch.device("cpu")


@pytest.mark.parametrize("suffix", [".pth", ".pt", ".safetensors"])
@pytest.mark.parametrize(
    ("state", "name", "scale", "halo"),
    [
        (srvgg(2), "SRVGGNetCompact", 2, 5),
        (srvgg(4, layers=5), "SRVGGNetCompact", 4, 7),
        (rrdb(4, blocks=3), "RRDBNet", 4, FURTHEST),
        (rrdb(2), "RRDBNet", 2, FURTHEST),
        (rrdb(1), "RRDBNet", 1, FURTHEST),
    ],
)
def test_architecture_and_scale_follow_from_the_weights(
    tmp_path: Path, suffix: str, state: State, name: str, scale: int, halo: int
) -> None:
    path = saved(state, tmp_path / f"any{suffix}")
    loaded = load(path)
    assert (loaded.name, loaded.scale, loaded.halo) == (name, scale, halo)
    assert loaded.weights == weights_digest([path])


def test_what_basicsr_does_not_have_comes_through_spandrel(tmp_path: Path, photograph: Bytes) -> None:
    network = SPAN(num_in_ch=3, num_out_ch=3, feature_channels=8, upscale=2, norm=False)
    loaded = load(saved(network.state_dict(), tmp_path / "span.safetensors"))
    assert (loaded.name, loaded.scale) == ("SPAN", 2) and 2 < loaded.halo < FURTHEST
    made = TorchNetwork(loaded, CPU, torch.float32)
    whole = upscale(made, photograph)
    made.tile_pixels = 4000
    assert whole.shape == (180, 240, 3)
    assert np.abs(upscale(made, photograph).astype(int) - whole).max() <= 1


def test_the_older_form_of_esrgan_weights_is_read_too(tmp_path: Path) -> None:
    from spandrel.architectures.ESRGAN import ESRGAN

    old = ESRGAN(num_filters=8, num_blocks=2, scale=4).state_dict()
    loaded = load(saved(dict(old), tmp_path / "old.safetensors"))
    assert (loaded.name, loaded.scale) == ("ESRGAN", 4)


@pytest.mark.parametrize("scale", [1, 2, 4])
def test_bands_change_nothing_that_is_seen(tmp_path: Path, photograph: Bytes, scale: int) -> None:
    loaded = load(saved(rrdb(scale), tmp_path / "any.safetensors"))
    picture = np.tile(photograph[:88], (4, 3, 1))
    pixels = torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 255
    with torch.inference_mode():
        banded, plain = loaded.module(pixels), loaded.module.net(pixels)
    assert banded.shape == (1, 3, 352 * scale, 360 * scale)
    assert torch.abs(banded - plain).max() < 1e-4


class Trap:
    """Unpickled, makes a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self.folder),)


@pytest.mark.parametrize("suffix", [".pth", ".pt", ".safetensors"])
def test_code_in_a_file_is_not_executed(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"trap{suffix}"
    torch.save({"params": srvgg(2), "more": Trap(tmp_path / "sprung")}, path)
    with pytest.raises(ValueError, match="holds something else than tensors, or is damaged"):
        load(path)
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_file_that_ends_early_is_refused(tmp_path: Path, suffix: str) -> None:
    path = saved(srvgg(2), tmp_path / f"short{suffix}")
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match="is damaged"):
        load(path)


def without(name: str) -> State:
    state = srvgg(2)
    del state[name]
    return state


@pytest.mark.parametrize(
    "state",
    [
        {"unknown.weight": torch.zeros(3)},
        {"body.0.weight": torch.zeros(1), "body.1.weight": torch.zeros(1)},
        without("body.2.weight"),
        {**srvgg(2), "body.2.weight": torch.zeros(8, 8, 5, 5)},
    ],
)
def test_tensors_that_are_no_network_are_refused(tmp_path: Path, state: State) -> None:
    with pytest.raises(ValueError, match="no weights of a network that enlarges"):
        load(saved(state, tmp_path / "any.safetensors"))


def test_another_kind_of_file_is_refused_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "weights.pickle"
    path.write_bytes(b"")
    with pytest.raises(ValueError, match=r"weights are one of \.safetensors, \.pth, \.pt"):
        load(path)


def test_bfloat16_is_for_processors_that_have_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = load(saved(srvgg(2), tmp_path / "any.safetensors"))
    for able, dtype in (({"avx512_bf16": True}, torch.bfloat16), ({"avx512_f": True}, torch.float32)):
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda able=able: able)
        assert best_precision(CPU, loaded) is dtype

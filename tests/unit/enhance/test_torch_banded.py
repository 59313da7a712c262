"""RRDBNet in bands gives what it gives in one piece, wherever the bands begin and end."""

import pytest
import torch

from tests.kit.sr_networks import rrdb, saved
from workers.enhance import torch_banded
from workers.enhance.torch_banded import BandedRRDBNet
from workers.enhance.torch_loading import load


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module", params=[4, 2])
def network(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> BandedRRDBNet:
    path = saved(rrdb(request.param, features=8, blocks=2, growth=4), tmp_path_factory.mktemp("weights") / "x.pth")
    module = load(path).module
    assert isinstance(module, BandedRRDBNet)
    return module


@pytest.mark.parametrize(("block_pixels", "tail_pixels"), [(1, 1), (1 << 40, 1), (1, 1 << 40), (600, 500)])
@pytest.mark.parametrize(("count", "height", "width"), [(1, 40, 30), (2, 22, 18), (1, 4, 40)])
@torch.inference_mode()
def test_bands_of_any_height_fit_together(
    network: BandedRRDBNet,
    count: int,
    height: int,
    width: int,
    block_pixels: int,
    tail_pixels: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch_banded, "_BLOCK_PIXELS", block_pixels)
    monkeypatch.setattr(torch_banded, "_TAIL_PIXELS", tail_pixels)
    pixels = torch.rand(count, 3, height, width, generator=torch.Generator().manual_seed(1))
    assert torch.allclose(network(pixels), network.net(pixels), atol=1e-5)

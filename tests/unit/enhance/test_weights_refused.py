"""Weights that can never work are refused before the first picture, with a reason that is true."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from spandrel.architectures.SPAN import SPAN

from tests.kit.sr_networks import State, exported, rrdb, saved, srvgg
from workers.enhance.network import Network
from workers.enhance.onnx_network import OnnxNetwork
from workers.enhance.probing import check_network
from workers.enhance.torch_model import TorchOptions, load_torch


def loaded(path: Path) -> None:
    load_torch(TorchOptions([path], [], [], "cpu", None, "auto"))


def span(colours: int) -> State:
    network = SPAN(num_in_ch=colours, num_out_ch=colours, feature_channels=8, upscale=2, norm=False)
    return dict(network.state_dict())


def grey_rrdb() -> State:
    state = rrdb(4)
    conv_first, conv_last = state["conv_first.weight"], state["conv_last.weight"]
    return {
        **state,
        "conv_first.weight": conv_first[:, :1],
        "conv_last.weight": conv_last[:1],
        "conv_last.bias": torch.zeros(1),
    }


def with_nan() -> State:
    state = srvgg(2, residual=0.02)
    state["body.2.bias"][0] = float("nan")
    return state


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: srvgg(2, colours=1), "1 channel into 1; it has to take and give 3"),
        (lambda: srvgg(2, colours=4), "4 channels into 4; it has to take and give 3"),
        (grey_rrdb, "1 channel into 1; it has to take and give 3"),
        (lambda: span(1), "1 channel into 1; it has to take and give 3"),
        (with_nan, "NaN or infinity"),
        (lambda: rrdb(4), "has nothing to do with it"),
    ],
    ids=["grey", "rgba", "grey RRDBNet", "grey SPAN", "NaN", "untrained"],
)
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_network_that_can_enlarge_no_picture_is_refused(
    tmp_path: Path, suffix: str, make: Callable[[], State], reason: str
) -> None:
    state = {name: values.contiguous() for name, values in make().items()}
    with pytest.raises(ValueError, match=reason):
        loaded(saved(state, tmp_path / f"weights{suffix}"))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"\n <!DOCTYPE html><html><body>Sign in to download</body></html>", "this is a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:01\nsize 67010245\n", "git lfs pull"),
        (b"", "the file is empty"),
    ],
    ids=["page", "pointer", "nothing"],
)
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_download_that_went_wrong_is_called_what_it_is(
    tmp_path: Path, suffix: str, content: bytes, reason: str
) -> None:
    path = tmp_path / f"weights{suffix}"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=reason):
        loaded(path)


def test_a_pickled_object_is_refused_without_advice_to_run_it(tmp_path: Path) -> None:
    path = tmp_path / "whole.pth"
    torch.save(torch.nn.Conv2d(3, 3, 3), path)
    with pytest.raises(ValueError, match=r"save the network's state_dict\(\)") as caught:
        loaded(path)
    assert "weights_only" not in str(caught.value)


@pytest.mark.parametrize("colours", [1, 4])
def test_an_onnx_network_of_other_channels_is_refused(tmp_path: Path, colours: int) -> None:
    path = exported(srvgg(2, colours=colours), tmp_path / "weights.onnx")
    with pytest.raises(ValueError, match=f"{colours} channels into {colours}"):
        OnnxNetwork("any", path, threads=1)


def test_an_onnx_network_of_nan_is_refused(tmp_path: Path) -> None:
    network: Network = OnnxNetwork("any", exported(with_nan(), tmp_path / "weights.onnx"), threads=1)
    with pytest.raises(ValueError, match="NaN or infinity"):
        check_network(network)


@pytest.mark.parametrize("residual", [0.0, 0.02, 0.2])
def test_networks_that_change_little_or_some_are_taken(tmp_path: Path, residual: float) -> None:
    loaded(saved(srvgg(2, residual=residual), tmp_path / "weights.pth"))

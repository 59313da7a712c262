"""RRDBNet, arranged for little memory and for reduced precision.

Its last layers work at full size and hold most of the memory, but see only two pixels far: they run in bands. The sums
that go through all of its blocks stay in float32, and so do the first layer and the last, which cost next to nothing:
with random weights, bfloat16 throughout is up to six grey levels off (46 dB), and like this two (54 dB).
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

_TAIL_SCALE = 4
_TAIL_HALO = 2
"""Rows of features: an upsampling convolution at twice the size, three more at four times, nearest neighbours."""
_RESIDUAL = 0.2
"""How much of what a block found is added to what it was given; a constant of the architecture."""
_BAND_PIXELS = 1 << 13
"""Of the features, in one band. The tail holds some 12 KiB per pixel in float32."""


class BandedRRDBNet(nn.Module):
    """The same numbers as ``RRDBNet.forward``, up to rounding. Takes and gives float32."""

    def __init__(self, net: Any) -> None:
        super().__init__()
        self.net = net

    def lower(self, dtype: torch.dtype) -> None:
        """Do most of the work in ``dtype``."""
        net = self.net
        for part in (net.body, net.conv_up1, net.conv_up2, net.conv_hr):
            part.to(dtype)

    def forward(self, pixels: Tensor) -> Tensor:
        """(count, 3, height, width) to the same, enlarged."""
        net = self.net
        unshuffle = _TAIL_SCALE // net.scale
        pixels = functional.pixel_unshuffle(pixels, unshuffle) if unshuffle > 1 else pixels
        trunk = net.conv_first(pixels)
        for block in net.body:
            inner = torch.add(trunk, _found(block.rdb1, trunk), alpha=_RESIDUAL)
            for dense in (block.rdb2, block.rdb3):
                inner.add_(_found(dense, inner), alpha=_RESIDUAL)
            trunk.add_(inner, alpha=_RESIDUAL)
        del inner
        features = net.conv_body(trunk)
        del trunk
        features.add_(net.conv_first(pixels))  # once more: to keep it would cost memory all the way
        count, _, height, width = features.shape
        result = torch.empty(
            (count, net.conv_last.out_channels, height * _TAIL_SCALE, width * _TAIL_SCALE),
            dtype=torch.float32,
            device=features.device,
        )
        rows = max(8, _BAND_PIXELS // (count * width))
        for start in range(0, height, rows):
            self._band(features, start, min(start + rows, height), result)
        return result

    def _band(self, features: Tensor, start: int, stop: int, result: Tensor) -> None:
        above, below = max(0, start - _TAIL_HALO), min(features.shape[2], stop + _TAIL_HALO)
        part = self._tail(features[:, :, above:below])
        inner = part[:, :, (start - above) * _TAIL_SCALE : (stop - above) * _TAIL_SCALE]
        result[:, :, start * _TAIL_SCALE : stop * _TAIL_SCALE] = inner

    def _tail(self, features: Tensor) -> Tensor:
        net = self.net
        near = features.to(net.conv_up1.weight.dtype)
        twice = net.lrelu(net.conv_up1(functional.interpolate(near, scale_factor=2, mode="nearest")))
        four = net.lrelu(net.conv_up2(functional.interpolate(twice, scale_factor=2, mode="nearest")))
        result: Tensor = net.conv_last(net.lrelu(net.conv_hr(four)).float())
        return result


def _found(dense: Any, given: Tensor) -> Tensor:
    """What a dense block finds in what it is given, in float32."""
    seen = given.to(dense.conv1.weight.dtype)
    for convolution in (dense.conv1, dense.conv2, dense.conv3, dense.conv4):
        seen = torch.cat((seen, dense.lrelu(convolution(seen))), 1)
    found: Tensor = dense.conv5(seen)
    del seen  # the largest there is, before there are two of the result
    return found.float()

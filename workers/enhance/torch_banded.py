"""RRDBNet, arranged for little memory and for reduced precision.

Its last layers work at full size and would hold most of the memory: they are given bands of rows from the top to the
bottom, and each keeps the rows that it sees again with the next band, so that nothing is computed twice. A dense block
works at the picture's own size and sees five rows far: it takes a large picture in a few bands that overlap.

The sums that go through all of the blocks stay in float32, and so do the first layer and the last, which cost next to
nothing: with random weights, bfloat16 throughout is up to six grey levels off (46 dB), and like this two (54 dB).
"""

from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

_TAIL_SCALE = 4
_RESIDUAL = 0.2
"""How much of what a block found is added to what it was given; a constant of the architecture."""
_BLOCK_PIXELS = 1 << 17
"""In one band of a dense block, which holds some 1.5 KiB for each in float32."""
_BLOCK_HALO = 5
"""Embeddings that a dense block sees beyond its band: one for each of its convolutions."""
_TAIL_PIXELS = 1 << 12
"""Of the features, in one band of the last layers, which hold some 12 KiB for each in float32."""


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
            inner = trunk
            for dense in (block.rdb1, block.rdb2, block.rdb3):
                inner = _grown(dense, inner)
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
        tail = _Tail(net)
        rows, done = max(8, _TAIL_PIXELS // (count * width)), 0
        for start in range(0, height, rows):
            part = tail(features[:, :, start : start + rows], last=start + rows >= height)
            result[:, :, done : done + part.shape[2]] = part
            done += part.shape[2]
        return result


class _Tail:
    """What follows the blocks, for one picture band by band."""

    def __init__(self, net: Any) -> None:
        self._activated = net.lrelu
        self._twice, self._four, self._fine, self._colours = (
            _Rolling(layer) for layer in (net.conv_up1, net.conv_up2, net.conv_hr, net.conv_last)
        )
        self._dtype = net.conv_up1.weight.dtype

    def __call__(self, features: Tensor, *, last: bool) -> Tensor:
        """The next rows of the result: some fewer than four for each row of ``features``, which come with the next."""
        values = features.to(self._dtype)
        for layer in (self._twice, self._four):
            larger = functional.interpolate(values, scale_factor=2, mode="nearest")
            values = self._activated(layer(larger, last=last))
        values = self._activated(self._fine(values, last=last))
        return self._colours(values, last=last)


class _Rolling:
    """A convolution of 3 x 3 that is given rows band by band; it finds what it would in all of them at once."""

    def __init__(self, layer: nn.Conv2d) -> None:
        self._layer = layer
        self._above: Tensor | None = None

    def __call__(self, rows: Tensor, *, last: bool) -> Tensor:
        count, channels, height, width = rows.shape
        weight, above = self._layer.weight, 1 if self._above is None else 2
        seen = torch.empty(
            (count, channels, above + height + last, width),
            dtype=weight.dtype,
            device=weight.device,
            memory_format=torch.channels_last,
        )
        seen[:, :, :above] = 0 if self._above is None else self._above
        seen[:, :, above : above + height] = rows
        seen[:, :, above + height :] = 0
        self._above = seen[:, :, -2:].clone()
        return functional.conv2d(seen, weight, self._layer.bias, padding=(0, 1))


def _grown(dense: Any, given: Tensor) -> Tensor:
    """What a dense block is given, and a share of what it finds in that, in float32."""
    count, _, height, width = given.shape
    result = torch.empty_like(given)
    bands = min(height, -(-count * height * width // _BLOCK_PIXELS))
    for start, stop in pairwise(height * number // bands for number in range(bands + 1)):
        above = max(0, start - _BLOCK_HALO)
        found = _found(dense, given[:, :, above : stop + _BLOCK_HALO])[:, :, start - above : stop - above]
        torch.add(given[:, :, start:stop], found.float(), alpha=_RESIDUAL, out=result[:, :, start:stop])
    return result


def _found(dense: Any, given: Tensor) -> Tensor:
    seen = given.to(dense.conv1.weight.dtype)
    for convolution in (dense.conv1, dense.conv2, dense.conv3, dense.conv4):
        seen = torch.cat((seen, dense.lrelu(convolution(seen))), 1)
    found: Tensor = dense.conv5(seen)
    return found

"""The super-resolution network: SRVGGNetCompact, small enough that a CPU enlarges a picture in seconds."""

import torch
from spandrel.architectures.Compact import Compact
from torch import Tensor, nn
from torch.nn import functional

FEATURES = 48
CONVOLUTIONS = 12
_COLOURS = 3
_RANDOM = 0.3
_LAST_RANDOM = 0.1


def compact(scale: int) -> nn.Module:
    """A network that enlarges bilinearly, with random weights around that; basicsr's SRVGGNetCompact loads its state.

    Each convolution hands its input on, so that the steps of a short training go into what interpolation cannot do.
    The generator of torch decides the random part.
    """
    network: nn.Module = Compact(num_feat=FEATURES, num_conv=CONVOLUTIONS, upscale=scale)
    *inner, last = (layer for layer in network.get_submodule("body").children() if isinstance(layer, nn.Conv2d))
    with torch.no_grad():
        for layer in inner:
            layer.weight.mul_(_RANDOM)[:_COLOURS] = 0  # the first channels stay the colours, undisturbed
            layer.weight.add_(nn.init.dirac_(torch.empty_like(layer.weight)))
            if layer.bias is not None:
                layer.bias.zero_()
        last.weight.mul_(_LAST_RANDOM)[:, :_COLOURS] = _bilinear(scale)
        if last.bias is not None:
            last.bias.zero_()
    return network


def _bilinear(scale: int) -> Tensor:
    """What to add to repeated pixels to interpolate: (3 * scale**2, 3, 3, 3), in the order of PixelShuffle."""
    offsets = (torch.arange(scale) + 0.5) / scale - 0.5
    taps = torch.stack([(-offsets).clamp(min=0), 1 - offsets.abs(), offsets.clamp(min=0)], dim=1)
    kernels = torch.einsum("iy,jx->ijyx", taps, taps).reshape(-1, 3, 3)
    kernels[:, 1, 1] -= 1
    return torch.einsum("oc,kyx->okcyx", torch.eye(_COLOURS), kernels).reshape(-1, _COLOURS, 3, 3)


def enlarged(network: nn.Module, small: Tensor, scale: int) -> Tensor:
    """What ``network(small)`` is, with the convolutions in bfloat16 but the sum in float32.

    The network's own forward pass adds its base in the type of its convolutions, whose steps are coarser than a grey
    level.
    """
    values = small
    with torch.autocast(small.device.type, torch.bfloat16):
        for layer in network.get_submodule("body").children():
            values = layer(values)
    residual = functional.pixel_shuffle(values.float(), scale)
    return residual + functional.interpolate(small, scale_factor=scale, mode="nearest")


def take_over(network: nn.Module, trained: dict[str, Tensor]) -> None:
    """Begin with the weights of a network of another scale: all but the last convolution, which has other outputs."""
    own = network.state_dict()
    network.load_state_dict(own | {name: values for name, values in trained.items() if values.shape == own[name].shape})

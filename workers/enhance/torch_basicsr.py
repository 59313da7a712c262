"""The two networks of Real-ESRGAN from basicsr. Its one import of what torchvision has removed is mended here.

basicsr 1.4.2, its last release, imports ``rgb_to_grayscale`` from torchvision.transforms.functional_tensor, which
torchvision 0.17 removed; the function itself is still in torchvision.transforms.functional.
"""

import math
import re
import sys
import types
import warnings
from collections.abc import Callable, Mapping

from torch import Tensor, nn
from torchvision.transforms import functional

_REMOVED = "torchvision.transforms.functional_tensor"

State = Mapping[str, Tensor]


def rrdb_net(state: State) -> nn.Module:
    """RRDBNet (ESRGAN, Real-ESRGAN) of the sizes that ``state`` has: its ``scale`` is 1, 2 or 4. Raises ValueError for
    another one than from RGB to RGB."""
    _mend()
    from basicsr.archs.rrdbnet_arch import RRDBNet

    colours, blocks = state["conv_last.weight"].shape[0], {key.split(".")[1] for key in state if _BLOCK.match(key)}
    unshuffled, rest = divmod(state["conv_first.weight"].shape[1], colours)
    check_colours("RRDBNet", colours if not rest else state["conv_first.weight"].shape[1], colours)
    return _filled(
        lambda: RRDBNet(
            num_in_ch=colours,
            num_out_ch=colours,
            scale=4 // math.isqrt(unshuffled),
            num_feat=state["conv_first.weight"].shape[0],
            num_block=len(blocks),
            num_grow_ch=state["body.0.rdb1.conv1.weight"].shape[0],
        ),
        state,
    )


def srvgg_net(state: State) -> nn.Module:
    """SRVGGNetCompact with PReLU of the sizes that ``state`` has: ``upscale``, and ``num_conv`` + 2 convolutions.
    Raises ValueError for another one than from RGB to RGB."""
    _mend()
    from basicsr.archs.srvgg_arch import SRVGGNetCompact

    last = max(int(key.split(".")[1]) for key in state)
    colours = state["body.0.weight"].shape[1]
    check_colours("SRVGGNetCompact", colours, colours)
    return _filled(
        lambda: SRVGGNetCompact(
            num_in_ch=colours,
            num_out_ch=colours,
            num_feat=state["body.0.weight"].shape[0],
            num_conv=(last - 2) // 2,
            upscale=math.isqrt(state[f"body.{last}.bias"].shape[0] // colours),
        ),
        state,
    )


def check_colours(name: str, given: int, made: int) -> None:
    """Raises ValueError unless a network turns RGB into RGB."""
    if (given, made) != (3, 3):
        raise ValueError(
            f"this {name} turns pictures of {given} channel{'s' if given > 1 else ''} into {made}; it has to take and"
            " give 3, red, green and blue: grey pictures and transparency go through such a network too"
        )


_BLOCK = re.compile(r"body\.\d+\.rdb1\.conv1\.weight")


def _filled(make: Callable[[], nn.Module], state: State) -> nn.Module:
    module = make()
    module.load_state_dict(dict(state), strict=True)
    return module


def _mend() -> None:
    if _REMOVED not in sys.modules:
        alias = types.ModuleType(_REMOVED)
        vars(alias)["rgb_to_grayscale"] = functional.rgb_to_grayscale
        sys.modules[_REMOVED] = alias
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of SciPy, for a module that SciPy 2 will not have
        import basicsr.archs  # noqa: F401

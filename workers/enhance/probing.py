"""Whether a network does anything of use at all: found out on a probe picture, before the first one of anybody."""

import numpy as np
from PIL import Image

from workers.enhance.gate import colour_shift, structure
from workers.enhance.network import Bytes, Network, NotFinite
from workers.enhance.precision_check import upscale_checked

SIDE = 64
ABSURD_STRUCTURE, ABSURD_COLOUR = 0.4, 40.0
"""See the gate, whose bars single pictures have to pass. The results of random weights are at 0.2 and less, and a
network for one kind of picture only may do badly here and well there."""


def check_network(network: Network) -> None:
    """Raises ValueError for a network whose result of a probe picture holds NaN, or has nothing to do with it."""
    probe = _probe()
    try:
        result = upscale_checked(network, probe)
    except NotFinite as error:
        raise ValueError(
            f"{network.name}: a probe picture gives numbers that are none (NaN or infinity); the weights are damaged"
        ) from error
    before, after = Image.fromarray(probe), Image.fromarray(result)
    alike, shift = structure(before, after, network.scale), colour_shift(before, after, network.scale)
    if not (alike >= ABSURD_STRUCTURE and shift <= ABSURD_COLOUR):
        raise ValueError(
            f"{network.name}: its result of a probe picture has nothing to do with it (structure {alike:.2f} of 1,"
            f" colours off by {shift:.0f}); the weights are not trained, damaged, or not for RGB from 0 to 1"
        )


def _probe() -> Bytes:
    """A soft gradient with a disc and a bar on it."""
    rows, columns = np.mgrid[0:SIDE, 0:SIDE]
    picture = np.stack([60 + 2 * columns, 60 + 2 * rows, 200 - columns - rows], axis=-1)
    picture[(rows - 24) ** 2 + (columns - 24) ** 2 < 144] = (210, 160, 60)
    picture[44:54, 8:56] = (40, 50, 90)
    return picture.astype(np.uint8)

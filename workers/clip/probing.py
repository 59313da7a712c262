"""Whether two towers see and read anything at all: found out on probes, before the first picture of anybody."""

import numpy as np

from workers.clip.model import Towers
from workers.server.text_embedding import ALIKE, check_texts


def check_towers(towers: Towers) -> None:
    """Raises ValueError for towers that give vectors of NaN or of no length, or the same one for everything."""
    check_texts(towers.name, towers.encode_texts)
    side = towers.framing.side
    soft = np.broadcast_to(np.linspace(0, 255, side, dtype=np.uint8)[:, None, None], (side, side, 3)).tobytes()
    noise = np.random.default_rng(0).integers(0, 256, (side, side, 3), np.uint8).tobytes()
    try:
        rows = towers.encode_images([soft, noise])
    except ValueError as error:
        raise ValueError(f"{towers.name}: the weights are damaged: {error}") from error
    if float(rows[0] @ rows[1]) > ALIKE:
        raise ValueError(
            f"{towers.name}: two pictures that differ get one vector; the weights are not trained, or damaged"
        )

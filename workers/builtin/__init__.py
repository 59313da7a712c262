"""The weights that come with JustLens: small, trained by the recipes of ``workers.training``, each pinned by its hash.

A folder per model holds its weights, what is needed to load them, and a model card (``card.md``). ``pins.json`` names
the SHA-256 of every file; ``pinned`` hands out a path only when the bytes are those.
"""

import json
from pathlib import Path

from workers.weights.digest import weights_digest

FOLDER = Path(__file__).parent
PINS = FOLDER / "pins.json"


def pinned(name: str) -> Path:
    """The file ``name`` ("clip/image.onnx"). Raises ValueError when it is not among the pins or its bytes differ."""
    wanted = json.loads(PINS.read_text()).get(name)
    path = FOLDER / name
    if wanted is None:
        raise ValueError(f"{name} is none of the built-in weights")
    if not path.is_file() or weights_digest([path]) != wanted:
        raise ValueError(f"{path} is missing or not the file that was released: install justlens again")
    return path


def pin(names: list[str]) -> None:
    """Write down the hashes that ``names`` have now; for the recipes."""
    pins = json.loads(PINS.read_text()) if PINS.is_file() else {}
    pins |= {name: weights_digest([FOLDER / name]) for name in names}
    PINS.write_text(json.dumps(dict(sorted(pins.items())), indent=2) + "\n")

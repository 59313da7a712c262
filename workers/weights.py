"""Which weights a model was made from."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

SHORT = 8
"""Hexadecimal digits of a digest that go into the name of an embedding space."""


def weights_digest(files: Iterable[Path]) -> str:
    """SHA-256 over the bytes of all ``files`` in order, in hexadecimal: for one file, the file's own."""
    digest = hashlib.sha256()
    for path in files:
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def space_id(family: str, model: str, weights: str) -> str:
    """``family/model@digest``: other weights are another space, even under the same name."""
    return f"{family}/{model}@{weights[:SHORT]}"

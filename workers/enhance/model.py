"""The enhance models by name. A network is added here: one class with these members, one entry in MODELS."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Protocol

from workers.enhance.lanczos import Lanczos
from workers.enhance.picture import Enlargement, ReadPicture
from workers.imaging import Format, Pixels
from workers.wire import EnhanceRequest


class EnhanceModel(Protocol):
    """``pre`` and ``post`` run in decoder processes, so they are plain functions without the model's state; ``core``
    runs in the one thread that owns the device.

    ``weights`` is the digest of the weights, or "none". ``recipe`` names everything that decides the resulting bytes.
    """

    name: str
    weights: str
    recipe: str

    @property
    def pre(self) -> Callable[[bytes, EnhanceRequest, int], tuple[ReadPicture, bytes]]:
        """Body, request and the limit of pixels to what the picture is and its pixels. Raises Refused."""

    @property
    def post(self) -> Callable[[bytes, str, int, int, Format], tuple[None, bytes]]:
        """Pixel data, mode, width, height and format to encoded bytes."""

    def core(self, batch: Sequence[Enlargement]) -> list[Pixels]:
        """One result per item, in order. Raises MemoryError when the device has none left."""


MODELS: Mapping[str, Callable[[], EnhanceModel]] = MappingProxyType({"lanczos": Lanczos})

"""What an enhance model is."""

from collections.abc import Callable, Sequence
from typing import Protocol

from workers.enhance.picture import Enlarged, Enlargement, Harmful, ReadPicture
from workers.images.codecs import Format
from workers.wire import EnhanceRequest


class EnhanceModel(Protocol):
    """``pre`` and ``post`` run in decoder processes, so they are plain functions without the model's state; ``core``
    runs in the one thread that owns the device.

    ``weights`` is the digest of the weights, or "none".
    """

    name: str
    weights: str

    @property
    def pre(self) -> Callable[[bytes, EnhanceRequest, int], tuple[ReadPicture, bytes]]:
        """Body, request and the limit of pixels to what the picture is and its pixels. Raises Refused."""

    @property
    def post(self) -> Callable[[bytes, str, int, int, Format], tuple[None, bytes]]:
        """Pixel data, mode, width, height and format to encoded bytes."""

    def core(self, batch: Sequence[Enlargement]) -> Sequence[Enlarged | Harmful]:
        """One result per item, in order. Raises MemoryError when the device has none left."""

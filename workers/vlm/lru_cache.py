"""What was made last and may be asked for again, in a bounded number of bytes."""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Generic, Protocol, TypeVar

CACHE_BYTES = 2**30
"""Enough for what is asked again at once: three pictures of LLaVA 1.5 7B or four of Llama 3.2 11B in half precision."""


class Sized(Protocol):
    """Something that takes memory."""

    @property
    def size_bytes(self) -> int:
        """How much, on the device that it lies on."""


V = TypeVar("V", bound=Sized)


class LruCache(Generic[V]):
    """Values by key, the ones used last, together at most ``limit_bytes``. A larger one is never kept.

    ``hits`` and ``misses`` count keys looked up since the start; a key that stands in one call several times was a
    miss once. To be changed by one thread; the counts may be read by any.
    """

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._kept: OrderedDict[bytes, V] = OrderedDict()
        self.held_bytes = 0
        self.hits = 0
        self.misses = 0

    def get_or_create(self, keys: Sequence[bytes], make: Callable[[list[int]], Sequence[V]]) -> list[V]:
        """The value of every key.

        ``make`` is called once with the indexes of the keys that are not kept, each of them where it stands first, and
        returns their values. Whatever it raises leaves this as it was.
        """
        found: dict[bytes, V] = {}
        missing: dict[bytes, int] = {}
        for index, key in enumerate(keys):
            if key in self._kept:
                self._kept.move_to_end(key)
                found[key] = self._kept[key]
            else:
                missing.setdefault(key, index)
        made = make(list(missing.values())) if missing else ()
        for key, value in zip(missing, made, strict=True):
            found[key] = value
            self._keep(key, value)
        self.hits += len(keys) - len(missing)
        self.misses += len(missing)
        return [found[key] for key in keys]

    def clear(self) -> None:
        """Forget every value."""
        self._kept.clear()
        self.held_bytes = 0

    def _keep(self, key: bytes, value: V) -> None:
        if value.size_bytes > self._limit_bytes:
            return
        self._kept[key] = value
        self.held_bytes += value.size_bytes
        while self.held_bytes > self._limit_bytes:
            self.held_bytes -= self._kept.popitem(last=False)[1].size_bytes

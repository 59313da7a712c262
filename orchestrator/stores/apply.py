"""From what a stage answered to what a store does."""

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

from orchestrator.domain.enhancement import original_key
from orchestrator.domain.outcome import (
    Announce,
    Effect,
    PurgeUrl,
    PutObject,
    PutVectors,
    SetAltText,
    SetRelevance,
    SetSection,
    Write,
)
from orchestrator.domain.pictures import Picture
from orchestrator.stores.ports import Documents, Objects, VectorStore

T = TypeVar("T")


class AltTextStore(Protocol):
    """Keeps the alt texts that models write."""

    async def set_alt_text(self, write: SetAltText) -> bool:
        """Replace a model's alt text, unless what is stored is as new or newer, or a person's. True if written."""


class StoreApplier:
    """Carries out writes and effects. Doing one twice is the same as doing it once.

    ``vectors`` and ``alt_texts`` are None where no stage of the pipeline writes any.
    """

    def __init__(
        self,
        documents: Documents,
        objects: Objects,
        purge: Callable[[str], Awaitable[None]],
        *,
        announce: Callable[[Announce], Awaitable[None]],
        vectors: VectorStore | None = None,
        alt_texts: AltTextStore | None = None,
    ) -> None:
        self._documents = documents
        self._objects = objects
        self._purge = purge
        self._announce = announce
        self._vectors = vectors
        self._alt_texts = alt_texts

    async def write(self, write: Write) -> None:
        """Carry out one write. Raises Unavailable, or JobRefused when the store refuses the value itself."""
        match write:
            case PutObject():
                await self._objects.put(write)
            case SetSection():
                await self._documents.set_section(write)
            case SetRelevance():
                await self._documents.set_relevance(write)
            case PutVectors():
                await _needed(self._vectors, write).put_vectors(write)
            case SetAltText():
                await _needed(self._alt_texts, write).set_alt_text(write)

    async def effect(self, effect: Effect) -> None:
        """Carry out one effect. Raises what purging or announcing raises."""
        match effect:
            case PurgeUrl(url):
                await self._purge(url)
            case Announce():
                await self._announce(effect)


def _needed(store: T | None, write: Write) -> T:
    if store is None:
        raise RuntimeError(f"a {type(write).__name__} in a system that was opened without its store")
    return store


class StoredOriginals:
    """Finds originals by the hash of their content."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    async def find_original(self, sha256: str) -> Picture | None:
        """The original with this hash, or None when it was never stored. Raises Unavailable."""
        found = await self._objects.get(original_key(sha256))
        return None if found is None else Picture(found.body, found.content_type)

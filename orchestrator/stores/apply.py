"""From what a stage answered to what a store does."""

from collections.abc import Awaitable, Callable

from orchestrator.domain.enhancement import original_key
from orchestrator.domain.outcome import Effect, PurgeUrl, PutObject, SetSection, Write
from orchestrator.domain.pictures import Picture
from orchestrator.stores.ports import Documents, Objects


class StoreApplier:
    """Carries out writes and effects. Doing one twice is the same as doing it once."""

    def __init__(self, documents: Documents, objects: Objects, purge: Callable[[str], Awaitable[None]]) -> None:
        self._documents = documents
        self._objects = objects
        self._purge = purge

    async def write(self, write: Write) -> None:
        """Carry out one write. Raises Unavailable, or JobRefused when the store refuses the value itself."""
        match write:
            case PutObject():
                await self._objects.put(write)
            case SetSection():
                await self._documents.set_section(write)

    async def effect(self, effect: Effect) -> None:
        """Carry out one effect. Raises what the purge raises."""
        match effect:
            case PurgeUrl(url):
                await self._purge(url)


class StoredOriginals:
    """Finds originals by the hash of their content."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    async def find_original(self, sha256: str) -> Picture | None:
        """The original with this hash, or None when it was never stored. Raises Unavailable."""
        found = await self._objects.get(original_key(sha256))
        return None if found is None else Picture(found.body, found.content_type)

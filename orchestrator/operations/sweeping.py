"""Removing vectors that no document names any more, which the vector store cannot tell by itself."""

from typing import Any

from orchestrator.domain.ids import normalise_id
from orchestrator.stores.ports import MAX_BUSINESS_IMAGES, VectorStore
from orchestrator.wiring import System, vectors_of

PAGE = 500


async def sweep(system: System, business_id: str | None = None) -> dict[str, Any]:
    """Sweep one business, or all. Counts: {"businesses", "removed", "left_alone"}.

    ``left_alone`` are businesses with so many images that not all of them are read at once: what of theirs is current
    cannot be told, so nothing of theirs is removed. Young vectors stay, too: their documents may be yet to be written.
    """
    counts = {"businesses": 0, "removed": 0, "left_alone": 0}
    async with vectors_of(system) as vectors:
        if business_id is not None:
            await _sweep_one(system, vectors, normalise_id(business_id), counts)
            return counts
        after = ""
        while page := await system.documents.business_ids(after=after, limit=PAGE):
            for business in page:
                await _sweep_one(system, vectors, business, counts)
            after = page[-1]
    return counts


async def _sweep_one(system: System, vectors: VectorStore, business_id: str, counts: dict[str, int]) -> None:
    counts["businesses"] += 1
    metadata = await system.documents.find_business(business_id)
    relevance = await system.documents.find_relevance(business_id)
    if max(len(metadata), len(relevance)) >= MAX_BUSINESS_IMAGES:
        counts["left_alone"] += 1
        return
    images = [sections.get("clip", {}).get("vector_key") for sections in metadata.values()]
    descriptions = [found.get("vector_key") for found in relevance.values()]
    counts["removed"] += await vectors.sweep("images", business_id, [key for key in images if key])
    counts["removed"] += await vectors.sweep("descriptions", business_id, [key for key in descriptions if key])

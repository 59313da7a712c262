"""Images of one business, as ranking sees them."""

from typing import Any

from orchestrator.domain.catalogue.model import CatalogueImage
from orchestrator.domain.display import Candidate
from orchestrator.domain.relevance.ranking import Answer, Item, rank


def listed(image_id: str, **fields: Any) -> CatalogueImage:
    """An image as the catalogue lists it."""
    return CatalogueImage("acme", image_id, f"https://x/{image_id}.png", **fields)


def candidate(
    image_id: str,
    *,
    clip: tuple[str | None, int | None, float | None] | None = ("indoor", 1, 0.5),
    scores: dict[str, float] | None = None,
    catalogue: CatalogueImage | None = None,
    clip_of: str | None = None,
    scores_of: str | None = None,
    **sections: Any,
) -> Candidate:
    """An image: its class, mark and quality as the model said, its scores by category, the content both are made of."""
    metadata = {"source": {"image_url": f"https://x/{image_id}.png", "served_urls": []}, **sections}
    if clip is not None:
        metadata["clip"] = {"class": clip[0], "class_valid": clip[1], "quality": clip[2], "source_sha256": clip_of}
    relevance = None
    if scores is not None:
        rows = [{"category_id": name, "score": score} for name, score in scores.items()]
        relevance = {"scores": rows, "source_sha256": scores_of}
    return Candidate(image_id, catalogue, metadata, relevance, None)


def ask(*candidates: Candidate, category_id: str | None = None, limit: int = 10) -> Answer:
    """The answer for a business that has these images."""
    return rank(candidates, category_id=category_id, limit=limit)


def ids(items: tuple[Item, ...]) -> list[str]:
    """The ids of items, in order."""
    return [it.image_id for it in items]

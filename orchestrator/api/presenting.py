"""From what the stores know of a business to what the relevancy endpoint answers: pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.api.schemas import Part, Picture, Relevancy
from orchestrator.domain.catalogue.model import AltText, CatalogueImage
from orchestrator.domain.display import Candidate, current_alt_text
from orchestrator.domain.relevance.ranking import Item, rank

IMAGES = "/images/"


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of the images of a business, by image id each."""

    catalogue: Mapping[str, CatalogueImage]
    metadata: Mapping[str, Mapping[str, Any]]
    relevance: Mapping[str, Mapping[str, Any]]
    alt_texts: Mapping[str, AltText]

    @property
    def nothing(self) -> bool:
        """Whether nobody knows of the business. Alt texts alone do not count: they outlive their image."""
        return not (self.catalogue or self.metadata or self.relevance)


def relevancy(
    business_id: str, known: Known, *, category_id: str | None, limit: int, degraded: tuple[Part, ...]
) -> Relevancy:
    """The answer. A picture that no browser could load (only an s3:// or file:// address) takes no part in it."""
    ranked = rank(_candidates(known), category_id=category_id, limit=limit)
    return Relevancy(
        business_id=business_id,
        category_id=category_id,
        basis=ranked.basis,
        static=_picture(ranked.static) if ranked.static else None,
        dynamic=tuple(map(_picture, ranked.dynamic)),
        carousel=tuple(map(_picture, ranked.carousel)),
        degraded=degraded,
    )


def _candidates(known: Known) -> Iterator[Candidate]:
    for image_id in sorted({*known.catalogue, *known.metadata, *known.relevance}):
        metadata = known.metadata.get(image_id, {})
        yield Candidate(
            image_id=image_id,
            catalogue=known.catalogue.get(image_id),
            metadata=metadata,
            relevance=known.relevance.get(image_id),
            alt_text=current_alt_text(known.alt_texts.get(image_id), metadata),
        )


def _picture(item: Item) -> Picture:
    shown = item.display
    return Picture(
        image_id=item.image_id,
        url=IMAGES + shown.address if shown.stored else shown.address,
        enhanced=shown.enhanced,
        alt_text=item.alt_text,
        width=shown.width,
        height=shown.height,
        score=item.score,
        basis=item.basis,
        image_class=item.image_class,
        quality=item.quality,
    )
